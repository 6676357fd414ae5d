package dispatch

import (
	"slices"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// plan brings the queue's scheduled entries in line with the clock: one for each profile
// whose newest slot needs a run.
func (d *Dispatcher) plan(now time.Time) {
	for _, job := range d.jobs {
		slot, due := job.newest(now)
		if slot.IsZero() || d.isPaused(job) {
			d.unqueue(job.Profile, time.Time{})
			continue
		}
		if e := d.queued(job.Profile); e != nil && e.Slot.Equal(slot) {
			continue
		}
		d.unqueue(job.Profile, slot)
		if e := d.running[job.Profile]; e != nil && e.Slot.Equal(slot) {
			continue
		}
		e := &entry{Request: Request{ID: d.o.NewID(), Profile: job.Profile, Trigger: report.BySchedule, Priority: job.Priority, Slot: slot, Due: due}}
		if now.Sub(due) > late {
			e.Trigger = report.ByCatchUp
		}
		if e.Trigger == report.ByCatchUp && job.NoCatchUp || d.needsNoRun(e.Request, now) {
			continue
		}
		d.add(e)
	}
}

// newest returns the newest slot that is due, and when that was.
func (j Job) newest(now time.Time) (slot, due time.Time) {
	if j.Schedule == nil {
		return slot, due
	}
	slot = j.Schedule.Slot(now.Add(-j.Jitter))
	return slot, slot.Add(j.Jitter)
}

// next returns when the job will be due again.
func (j Job) next(now time.Time) time.Time {
	if j.Schedule == nil {
		return time.Time{}
	}
	next := j.Schedule.Next(now.Add(-j.Jitter))
	if next.IsZero() {
		return next
	}
	return next.Add(j.Jitter)
}

func (d *Dispatcher) isPaused(j Job) bool { return j.Paused || d.paused[""] || d.paused[j.Profile] }

// queued returns the scheduled entry of a profile.
func (d *Dispatcher) queued(profile string) *entry {
	i := slices.IndexFunc(d.queue, func(e *entry) bool { return e.Profile == profile && !e.byHand() })
	if i < 0 {
		return nil
	}
	return d.queue[i]
}

// unqueue removes the scheduled entry of a profile, because it is paused, or for the sake of
// another slot.
func (d *Dispatcher) unqueue(profile string, other time.Time) {
	e := d.queued(profile)
	if e == nil {
		return
	}
	if other.After(e.Slot) && !d.o.Runner.Done(e.Request) {
		d.o.Log.Warn("a slot got no version before the next one was due", "profile", profile, "slot", e.Slot, "next", other)
	}
	d.remove(e)
}

func (d *Dispatcher) remove(e *entry) {
	d.queue = slices.DeleteFunc(d.queue, func(other *entry) bool { return other == e })
}

// needsNoRun reports whether a slot was settled, or somebody dropped it. What is remembered
// counts for the very slot only, and not if the clock was set back since.
func (d *Dispatcher) needsNoRun(r Request, now time.Time) bool {
	if s, ok := d.settled[r.Profile]; ok && s.slot.Equal(r.Slot) && !now.Before(s.at) {
		return true
	}
	if slot, ok := d.dropped[r.Profile]; ok && slot.Equal(r.Slot) {
		return true
	}
	if !d.o.Runner.Done(r) {
		return false
	}
	d.settle(r, now)
	return true
}

func (d *Dispatcher) settle(r Request, now time.Time) {
	if !r.Slot.IsZero() {
		d.settled[r.Profile] = settled{r.Slot, now}
	}
}

// untilNext returns how long nothing will be due, at most longestWait.
func (d *Dispatcher) untilNext(now time.Time, elapsed time.Duration) time.Duration {
	wait := longestWait
	for _, job := range d.jobs {
		if next := job.next(now); !next.IsZero() && !d.isPaused(job) {
			wait = min(wait, next.Sub(now))
		}
	}
	for _, e := range d.queue {
		if e.notBefore > elapsed {
			wait = min(wait, e.notBefore-elapsed)
		}
		if job := d.jobs[e.Profile]; e.loadWait {
			wait = min(wait, max(e.Due.Add(job.Window).Sub(now), 0), loadInterval)
		}
	}
	return max(wait, time.Millisecond)
}
