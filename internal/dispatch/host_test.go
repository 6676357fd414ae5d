package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// every is a schedule whose slots are multiples of a duration.
type every time.Duration

func (e every) Slot(at time.Time) time.Time    { return at.Truncate(time.Duration(e)) }
func (e every) Next(after time.Time) time.Time { return e.Slot(after).Add(time.Duration(e)) }

// A host is a machine in the time of a synctest bubble: its clock can be set, and it has a
// history of runs that outlives its dispatchers.
type host struct {
	began time.Time

	mu      sync.Mutex
	ahead   time.Duration // of the wall clock
	load    float64
	ids     int
	started []Request
	records []report.Run
	saved   Saved
	act     func(ctx context.Context, r Request) (report.Run, error) // what a run does; nil: a minute, and a version
}

func newHost() *host { return &host{began: time.Now()} }

func (h *host) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.ahead)
}

// sleep lets the machine sleep: to its processes, the wall clock jumps.
func (h *host) sleep(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ahead += d
}

func (h *host) newID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids++
	return fmt.Sprintf("run%d", h.ids)
}

func (h *host) Load() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.load
}

func (h *host) setLoad(load float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.load = load
}

// does says what runs do from now on.
func (h *host) does(act func(ctx context.Context, r Request) (report.Run, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.act = act
}

// record adds to the history.
func (h *host) record(run report.Run) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, run)
}

// runs returns the history.
func (h *host) runs() []report.Run {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.records)
}

// kept returns what was saved last.
func (h *host) kept() Saved {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.saved
}

func (h *host) Done(r Request) bool {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.records, func(run report.Run) bool {
		if r.byHand() {
			return run.ID == r.ID && run.Snapshot != nil
		}
		return run.Profile == r.Profile && run.Slot.Equal(r.Slot) && run.Snapshot != nil && !run.Ended.After(now)
	})
}

func (h *host) Run(ctx context.Context, r Request) (report.Run, error) {
	h.mu.Lock()
	h.started = append(h.started, r)
	act := h.act
	h.mu.Unlock()
	if act == nil {
		act = func(ctx context.Context, r Request) (report.Run, error) { return h.take(ctx, r, time.Minute) }
	}
	run, err := act(ctx, r)
	if err == nil {
		h.record(run)
	}
	return run, err
}

// take makes a version, which takes a while.
func (h *host) take(ctx context.Context, r Request, d time.Duration) (report.Run, error) {
	run := report.Run{ID: r.ID, Profile: r.Profile, Trigger: r.Trigger, Level: r.Level, Slot: r.Slot, Started: h.now()}
	select {
	case <-time.After(d):
		run.Snapshot = &report.RunTaken{Good: true}
	case <-ctx.Done():
		run.Code, run.Message = 130, context.Cause(ctx).Error()
	}
	run.Ended = h.now()
	return run, nil
}

// starts returns what was started since it was last asked, as "profile trigger slot".
func (h *host) starts() (out []string) {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.started {
		text := r.Profile + " " + string(r.Trigger)
		if !r.Slot.IsZero() {
			text += " " + r.Slot.UTC().Format("15:04")
		}
		out = append(out, text)
	}
	h.started = nil
	return out
}

func (h *host) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := h.starts(); !slices.Equal(got, want) {
		t.Errorf("started %q, want %q", got, want)
	}
}

func (h *host) options() Options {
	return Options{
		Runner: h, Now: h.now, Elapsed: func() time.Duration { return time.Since(h.began) },
		Random: func() float64 { return 0.5 }, NewID: h.newID, Saved: h.saved,
		Save: func(s Saved) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.saved = s
			return nil
		},
	}
}

// serve starts a dispatcher, and returns it and what stops it.
func (h *host) serve(change func(*Options), jobs ...Job) (*Dispatcher, func()) {
	o := h.options()
	if change != nil {
		change(&o)
	}
	d := New(jobs, o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		d.Run(ctx)
		close(done)
	}()
	synctest.Wait()
	return d, func() {
		cancel()
		<-done
	}
}

func hourly(profile string) Job {
	return Job{Profile: profile, Schedule: every(time.Hour), Repository: profile}
}

var errDied = errors.New("the process died")
