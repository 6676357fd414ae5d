package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// loadInterval is how often a run that waits for a low load asks for the load.
const loadInterval = 10 * time.Second

// inOrder returns the queue in the order in which its entries start: what was moved to the
// front, what was asked for by hand, the higher priority, what was due earlier.
func (d *Dispatcher) inOrder() []*entry {
	list := slices.Clone(d.queue)
	slices.SortFunc(list, func(a, b *entry) int {
		return cmp.Or(
			before(a.first, b.first), before(a.byHand(), b.byHand()),
			cmp.Compare(b.Priority, a.Priority), a.Due.Compare(b.Due), cmp.Compare(a.order, b.order))
	})
	return list
}

// before orders what is true before what is false.
func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// startAll starts all that may start, and notes why the rest waits.
func (d *Dispatcher) startAll(ctx context.Context, now time.Time, elapsed time.Duration) {
	if d.stopped || ctx.Err() != nil {
		return
	}
	for _, e := range d.inOrder() {
		e.loadWait = false
		if e.why = d.holdsBack(e, now, elapsed); e.why != "" {
			continue
		}
		d.remove(e)
		if d.needsNoRun(e.Request, now) { // a run beside the service may have made it
			if e.byHand() {
				d.save()
			}
			continue
		}
		d.start(ctx, e, now)
	}
}

// holdsBack returns why an entry can't start yet, or "".
func (d *Dispatcher) holdsBack(e *entry, now time.Time, elapsed time.Duration) string {
	job := d.jobs[e.Profile]
	if e.notBefore > elapsed {
		return fmt.Sprintf("is tried again in %s", (e.notBefore - elapsed).Round(time.Second))
	}
	if d.running[e.Profile] != nil {
		return "another run of the profile is under way"
	}
	if n := len(d.running); n >= d.o.Parallel {
		return fmt.Sprintf("%d of %d runs are under way", n, d.o.Parallel)
	}
	of := 0
	for _, r := range d.running {
		if other, known := d.jobs[r.Profile]; known && other.Repository == job.Repository {
			of++
		}
	}
	if of >= d.o.PerRepository {
		return "another run in the same repository is under way"
	}
	if job.Open != nil && !e.byHand() && !e.first && !job.Open(now) {
		return "its schedule lets no run start at this time of the day"
	}
	if until := e.Due.Add(job.Window); job.Window > 0 && !e.byHand() && !e.first && now.Before(until) {
		if load := d.o.Runner.Load(); load >= job.Load {
			e.loadWait = true
			return fmt.Sprintf("the processors are busy to %.0f%%: waits until that is below %.0f%%, or until %s", 100*load, 100*job.Load, until.Format("15:04"))
		}
	}
	return ""
}

func (d *Dispatcher) start(ctx context.Context, e *entry, now time.Time) {
	runCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	e.cancel, e.started, e.why = cancel, now, ""
	d.running[e.Profile] = e
	r := e.Request
	d.o.Log.Info("a run starts", "profile", r.Profile, "run", r.ID, "trigger", r.Trigger, "slot", r.Slot)
	d.ends.Go(func() {
		defer cancel(nil)
		run, err := d.o.Runner.Run(runCtx, r)
		d.ended(e, run, err)
	})
}
