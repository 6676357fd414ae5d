package governor

import (
	"math"
	"time"
)

// A look is what was measured at one time.
type look struct {
	at   time.Time
	load load
	own  use
	disk int64 // bytes of this process that the disks have moved
}

// lookBack is over how many intervals the load is averaged: short enough to give way at once,
// and long enough that the kernel's ticks of 10 ms don't matter.
const lookBack = 3

// looks are the latest looks at the machine.
type looks struct {
	all []look // the oldest first
	cpu float64
	io  float64 // what idle returned last

	// unseen are bytes of this process that no disk has moved yet: what is written counts
	// when the system is given it. They are forgotten after some seconds, because they may
	// go elsewhere, such as over a network.
	unseen float64
}

// forget is how long it takes until half of the unseen bytes are forgotten.
const forget = 2 * time.Second

// add adds a look, and returns the time since the one before.
func (l *looks) add(at time.Time, now load, own use) (passed time.Duration) {
	if len(l.all) > lookBack {
		l.all = append(l.all[:0], l.all[1:]...)
	}
	here := look{at: at, load: now, own: own}
	if n := len(l.all); n > 0 {
		last := &l.all[n-1]
		passed = at.Sub(last.at)
		l.unseen *= math.Exp2(-float64(passed) / float64(forget))
		l.unseen += float64(max(own.io-last.own.io, 0))
		seen := min(l.unseen, float64(max(now.disk-last.load.disk, 0)))
		l.unseen -= seen
		here.disk = last.disk + int64(seen)
	}
	l.all = append(l.all, here)
	return passed
}

// span returns the oldest look and the latest one.
func (l *looks) span() (from, to look, passed time.Duration) {
	from, to = l.all[0], l.all[len(l.all)-1]
	return from, to, to.at.Sub(from.at)
}

// own returns what the process uses in a second.
func (l *looks) own() use {
	from, to, passed := l.span()
	if passed <= 0 {
		return use{}
	}
	per := float64(time.Second) / float64(passed)
	return use{time.Duration(float64(to.own.cpu-from.own.cpu) * per), int64(float64(to.own.io-from.own.io) * per)}
}

const (
	// least is the ratio that a run may use that gives way.
	least = 0.01
	// spare is the ratio of the machine that stays idle.
	spare = 0.1
	// quiet is the ratio of the disk's time up to which others don't count.
	quiet = 0.03
	// growth is by how much more may be used than at the look before.
	growth = 1.5
	// pressed is the ratio of the time that some thread waits for memory, or for the disk,
	// from which on the machine counts as short of it.
	pressed = 0.05
)

// idle returns the ratios of processor time and of the disk that others leave. Zero is no
// limit.
func (l *looks) idle(limits Limits, cpus float64, all int, disk int64) (cpu, io float64) {
	from, to, passed := l.span()
	if passed <= 0 || all <= 0 {
		return max(limits.CPU, least), max(limits.IO, least)
	}
	seconds := passed.Seconds()
	others := (to.load.busy - from.load.busy - (to.own.cpu - from.own.cpu)).Seconds() / seconds
	cpu = min((float64(all)*(1-spare)-others)/cpus, 1)
	io = 1 - l.othersOfDisk()/(1-spare)
	if short(to.load.stalledMemory-from.load.stalledMemory, passed) {
		cpu, io = 0, 0
	}
	l.cpu = max(least, min(cpu, growth*max(l.cpu, least)))
	l.io = max(least, min(io, growth*max(l.io, least)))
	if l.io >= 1-quiet {
		return l.cpu, 0
	}
	return l.cpu, l.io
}

func short(stalled, passed time.Duration) bool {
	return stalled.Seconds() > pressed*passed.Seconds()
}

// othersOfDisk returns the ratio of the time in which the disk works for others.
func (l *looks) othersOfDisk() float64 {
	from, to, passed := l.span()
	part, busy := l.othersPart(), min((to.load.diskTime-from.load.diskTime).Seconds()/passed.Seconds(), 1)
	others := part * busy
	if others < quiet {
		return 0
	}
	if short(to.load.stalledIO-from.load.stalledIO, passed) { // somebody waits for the disk
		others = max(others, part*2*busy)
	}
	return min(others, 1)
}

// ownDiskTime returns for how long the disk has worked for this process since the look before
// the latest one.
func (l *looks) ownDiskTime() time.Duration {
	if len(l.all) < 2 {
		return 0
	}
	from, to := l.all[len(l.all)-2], l.all[len(l.all)-1]
	busy := min(to.load.diskTime-from.load.diskTime, to.at.Sub(from.at))
	return time.Duration((1 - l.othersPart()) * float64(busy))
}

// othersPart returns which part of the time that the disk works is for others. The kernel tells
// only how long it was busy: the part of the others is that of their bytes, or of their
// requests if that is more. How many of the requests are theirs is a guess: those that this
// process would not need for its bytes, but not more than small ones of their bytes.
func (l *looks) othersPart() float64 {
	from, to, _ := l.span()
	bytes, requests := float64(to.load.disk-from.load.disk), float64(to.load.requests-from.load.requests)
	if requests <= 0 {
		return 1
	}
	own := float64(to.disk - from.disk)
	theirs := min(requests-own/ownRequest, (bytes-own)/leastRequest)
	return min(max(1-own/max(bytes, 1), theirs/requests, 0), 1)
}

// ownRequest is how many bytes a request of this process to a disk has at most. Fewer make it
// yield more than it has to.
const ownRequest = 256 << 10

// leastRequest is the fewest bytes that a request to a disk usually has.
const leastRequest = 4 << 10

// A bestRate finds out how many bytes a second the disk can do.
type bestRate struct {
	seen    int64
	samples [3]float64
	n       int
}

// A rate counts only if the disk was busy for so long and moved that much, because the kernel
// counts the time in ticks.
const (
	rateBusy  = 60 * time.Millisecond
	rateBytes = 2 << 20
)

// look adds what the disk has done since the look before: bytes, by the time that it was busy.
// The lowest of three such rates is one that it can do.
func (b *bestRate) look(l *looks) {
	from, to, passed := l.span()
	bytes, busy := to.load.disk-from.load.disk, min(to.load.diskTime-from.load.diskTime, passed)
	if busy < rateBusy || bytes < rateBytes {
		return
	}
	b.samples[b.n%len(b.samples)] = float64(bytes) / busy.Seconds()
	if b.n++; b.n >= len(b.samples) {
		b.seen = max(b.seen, int64(min(b.samples[0], b.samples[1], b.samples[2])))
	}
}

// rate returns the best rate, or 0 if none is known.
func (b *bestRate) rate() int64 { return b.seen }
