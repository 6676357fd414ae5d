package governor

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

const (
	paceInterval   = 5 * time.Millisecond   // between two measurements while work asks
	tickInterval   = 50 * time.Millisecond  // between two measurements in any case
	yieldInterval  = 100 * time.Millisecond // between two looks at the machine, when its load decides
	loadInterval   = 200 * time.Millisecond // between two looks at the machine otherwise
	memoryInterval = time.Second            // between two looks at the memory
	shareInterval  = 250 * time.Millisecond // between two looks at other runs
	limitsInterval = 5 * time.Second        // between two looks at the limits
)

// A Governor measures what its process uses, and slows it down. It is a repo.Pacer.
type Governor struct {
	o     Config
	meter meter
	cpus  float64 // what a ratio of 1 is
	all   int     // processors of the machine

	gate     atomic.Pointer[chan struct{}] // closed when work may go on; nil if it may now
	waiters  atomic.Int64
	measured atomic.Int64 // when use was measured last, in nanoseconds since start
	start    time.Time
	stop     chan struct{}
	stopped  sync.WaitGroup

	mu      sync.Mutex // guards the fields below; never held while anything waits
	limits  Limits
	disk    int64 // bytes a second that are all
	cpu, io bucket
	busy    bucket // of the time that the disk works for the process
	at      time.Time
	used    use
	next    struct{ load, share, limits, memory time.Time }
	looks   looks
	best    bestRate
	record  record
	waited  time.Duration
}

// Start starts to measure, and to slow down work that asks. The caller calls Stop at the end
// of the run.
func Start(o Config) (*Governor, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	now := o.Now()
	g := &Governor{o: o, meter: o.meter, start: now, stop: make(chan struct{}), at: now, limits: o.Limits(now)}
	if err := g.limits.valid(); err != nil {
		return nil, err
	}
	if g.meter == nil {
		g.meter = newMeter()
	}
	g.cpu.burst, g.io.burst, g.busy.burst = burst, burst, longBurst
	g.cpus, g.all = g.meter.machine()
	g.best.seen = o.Seen
	g.used = g.meter.use()
	g.looks.add(now, g.meter.load(), g.used)
	g.record.begin(now, g.used)
	g.setRates(now)
	g.stopped.Go(g.run)
	return g, nil
}

// Pace returns when the next part of some work may begin. It is part of repo.Pacer.
func (g *Governor) Pace(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if now := g.o.Now(); now.Sub(g.start)-time.Duration(g.measured.Load()) >= paceInterval && g.mu.TryLock() {
		g.measure(now)
		g.mu.Unlock()
	}
	for {
		gate := g.gate.Load()
		if gate == nil {
			return nil
		}
		g.waiters.Add(1)
		select {
		case <-*gate:
		case <-ctx.Done():
		}
		g.waiters.Add(-1)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// run measures until Stop.
func (g *Governor) run() {
	timer := time.NewTimer(tickInterval)
	defer timer.Stop()
	for {
		select {
		case <-g.stop:
			return
		case <-timer.C:
			timer.Reset(g.tick())
		}
	}
}

// tick looks at everything that is due, and returns when to do so again.
func (g *Governor) tick() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.o.Now()
	g.measure(now)
	changed := false
	if !now.Before(g.next.load) {
		g.next.load = now.Add(g.loadInterval())
		passed := g.looks.add(now, g.meter.load(), g.used)
		g.busy.pass(passed, g.looks.ownDiskTime().Seconds())
		g.best.look(&g.looks)
		changed = true
	}
	if !now.Before(g.next.memory) {
		g.next.memory = now.Add(memoryInterval)
		g.record.memory(g.meter.memory())
	}
	if !now.Before(g.next.limits) {
		g.next.limits = now.Add(limitsInterval)
		if l := g.o.Limits(now); l.valid() == nil {
			g.limits = l
		}
		changed = true
	}
	if g.o.Share != nil && !now.Before(g.next.share) {
		g.next.share = now.Add(shareInterval)
		g.o.Share.look(g.demand())
		changed = true
	}
	if changed {
		g.setRates(now)
	}
	if g.gate.Load() == nil {
		return tickInterval
	}
	return max(time.Millisecond, min(tickInterval, max(g.cpu.wait(), g.ioWait())))
}

// measure charges what was used since the last measurement, and opens or closes the gate.
func (g *Governor) measure(now time.Time) {
	used, passed := g.meter.use(), now.Sub(g.at)
	if passed <= 0 {
		return
	}
	g.cpu.pass(passed, (used.cpu - g.used.cpu).Seconds())
	g.io.pass(passed, float64(used.io-g.used.io))
	if g.gate.Load() != nil && g.waiters.Load() > 0 {
		g.waited += passed
	}
	g.at, g.used = now, used
	g.measured.Store(int64(now.Sub(g.start)))
	g.record.add(now, used, g.disk, g.cpus)
	g.turn()
}

// turn opens or closes the gate.
func (g *Governor) turn() {
	gate := g.gate.Load()
	switch {
	case gate == nil && (g.cpu.isOverdrawn() || g.io.isOverdrawn() || g.busy.isOverdrawn()):
		gate := make(chan struct{})
		g.gate.Store(&gate)
	case gate != nil && g.cpu.wait() == 0 && g.ioWait() == 0:
		g.gate.Store(nil)
		close(*gate)
	}
}

// ioWait returns how long it takes until the budget for the disk allows more.
func (g *Governor) ioWait() time.Duration { return max(g.io.wait(), g.busy.wait()) }

// setRates decides how much may be used from now on.
func (g *Governor) setRates(now time.Time) {
	switch {
	case g.o.Disk > 0:
		g.disk = g.o.Disk
	case g.best.rate() > 0:
		g.disk = g.best.rate()
	default:
		g.disk = unknownDisk
	}
	part := share{1, 1}
	if g.o.Share != nil {
		part = g.o.Share.part
	}
	l := g.limits
	switch l.Mode {
	case Off:
		l.CPU, l.IO = 0, 0
	case Yield: // others that yield are among those who leave nothing
		l.CPU, l.IO = g.looks.idle(l, g.cpus, g.all, g.disk)
		part = share{1, 1}
	}
	g.cpu.set(l.CPU, part.cpu, g.cpus)
	g.io.set(l.IO, part.io, float64(g.disk))
	g.busy.set(l.IO, part.io, 1)
	g.busy.limited = g.busy.limited && l.Mode == Always
	g.turn()
}

func (g *Governor) loadInterval() time.Duration {
	if g.limits.Mode == Yield {
		return yieldInterval
	}
	return loadInterval
}

// demand returns what the run has used lately, and whether it would use more.
func (g *Governor) demand() demand {
	used := g.looks.own()
	return demand{
		CPU: partUsed(used.cpu.Seconds()/g.cpus, g.limits.CPU), IO: partUsed(float64(used.io)/float64(g.disk), g.limits.IO),
		MoreCPU: g.gate.Load() != nil && g.cpu.wait() > 0 && g.waiters.Load() > 0,
		MoreIO:  g.gate.Load() != nil && g.ioWait() > 0 && g.waiters.Load() > 0,
	}
}

// partUsed returns the part of a limit that was used. Zero is no limit.
func partUsed(used, limit float64) float64 {
	if limit <= 0 {
		return 0
	}
	return used / limit
}

// Rate returns the best rate of the disk that was seen, in bytes a second: Seen for the next
// run. It is zero as long as no rate is known.
func (g *Governor) Rate() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.best.rate()
}

// Current returns the ratios of processor time and I/O in the last seconds.
func (g *Governor) Current() (cpu, io float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.record.current()
}

// Stop ends the measuring, and returns what the run took. Work that asks goes on at once. The
// caller closes the Share.
func (g *Governor) Stop() report.RunCost {
	close(g.stop)
	g.stopped.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.measure(g.o.Now())
	g.record.memory(g.meter.memory())
	g.cpu.limited, g.io.limited, g.busy.limited = false, false, false
	g.turn()
	return g.cost()
}
