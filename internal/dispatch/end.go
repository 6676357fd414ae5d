package dispatch

import (
	"errors"
	"fmt"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// Why the context of a run ended.
var (
	ErrCancelled = errors.New("the run was cancelled")
	ErrStopping  = errors.New("the service stops")
)

// How long to wait for a run beside the service to end: waits double up to the longest.
const (
	busyWait    = 5 * time.Second
	longestBusy = 40 * time.Second
)

// ended decides what follows a run: nothing, or another try.
func (d *Dispatcher) ended(e *entry, run report.Run, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.poke()
	now := d.now()
	delete(d.running, e.Profile)
	_, known := d.jobs[e.Profile]
	code := run.Code
	if err != nil {
		code = 1
	}
	d.last[e.Profile] = lastRun{now, code}
	log := d.o.Log.With("profile", e.Profile, "run", e.ID, "code", code)
	switch made := err == nil && (run.Snapshot != nil || run.Skipped != "" && code == 0); {
	case made:
		d.settle(e.Request, now)
		log.Info("a run ended", "skipped", run.Skipped, "message", run.Message)
	case d.stopped && !e.cancelled:
		log.Info("a run ends with the service", "slot", e.Slot)
		if e.byHand() { // the next service repeats it
			e.Request.ID = d.o.NewID()
			d.add(&entry{Request: e.Request, first: e.first})
		}
	case e.cancelled:
		d.settle(e.Request, now)
		log.Info("a run was cancelled")
	case !known:
		log.Warn("a run failed whose profile is gone", "err", err, "message", run.Message)
	case code == codeRunning:
		log.Debug("another process has a run of the profile under way", "again_in", e.busyWait())
		e.busy++
		d.again(e, e.busyWait())
	default:
		d.failed(e, code, problem(run, err))
	}
	if e.byHand() {
		d.save()
	}
}

// Exit codes that decide whether another try may help.
const (
	codeUsage       = 2
	codeRunning     = 6
	codeWrongSecret = 12
)

// failed puts a scheduled run that made no version back into the queue, if another try may
// help.
func (d *Dispatcher) failed(e *entry, code int, problem error) {
	log := d.o.Log.With("profile", e.Profile, "run", e.ID, "code", code, "err", problem)
	retries := d.jobs[e.Profile].Retries
	switch {
	case e.byHand():
		log.Error("a run by hand failed")
	case code == codeUsage, code == codeWrongSecret:
		d.settle(e.Request, d.now())
		log.Error("a run failed; another try would not help")
	case e.attempt >= retries.Max:
		d.settle(e.Request, d.now())
		log.Error("a run failed; it is not tried again", "tries", e.attempt+1)
	default:
		e.attempt++
		wait := retries.wait(e.attempt, d.o.Random())
		log.Warn("a run failed; it is tried again", "again_in", wait.Round(time.Second))
		d.again(e, wait)
	}
}

// busyWait returns how long to wait for a run beside the service to end.
func (e *entry) busyWait() time.Duration {
	return min(longestBusy, busyWait<<min(max(e.busy-1, 0), 8))
}

// again puts an entry back into the queue.
func (d *Dispatcher) again(e *entry, wait time.Duration) {
	r := e.Request
	if !r.byHand() {
		r.ID = d.o.NewID()
		if e.attempt > 0 {
			r.Trigger = report.ByRetry
		}
	}
	d.add(&entry{Request: r, first: e.first, attempt: e.attempt, busy: e.busy, notBefore: d.o.Elapsed() + wait})
}

// problem returns what went wrong in one error.
func problem(run report.Run, err error) error {
	if err != nil {
		return err
	}
	if run.Message != "" {
		return errors.New(run.Message)
	}
	return fmt.Errorf("the run ended with exit code %d", run.Code)
}
