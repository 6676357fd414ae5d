package dispatch

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// longestWait caps the timers: a timer doesn't notice a clock that was set or a machine that
// slept.
const longestWait = 30 * time.Second

// late is how long after its due time a run may start and still count as on time.
const late = time.Minute

// Options are what a Dispatcher needs beside its jobs.
type Options struct {
	Runner Runner

	Now     func() time.Time     // the wall clock
	Elapsed func() time.Duration // a clock that nobody sets
	Random  func() float64       // from 0 to below 1
	NewID   func() string        // of a run

	Parallel      int // runs at the same time; 0: 2
	PerRepository int // of those, runs of one repository; 0: 1

	Saved Saved             // from the dispatcher before this one
	Save  func(Saved) error // keeps what the next one gets; nil: nothing does

	Turn func() // called at each turn of the loop: it shows that the loop goes on
	Log  *slog.Logger
}

// Saved is what outlives a dispatcher.
type Saved struct {
	Paused   []string             `json:"paused,omitempty"` // profiles; "" is all
	Requests []Request            `json:"requests,omitempty"`
	Dropped  map[string]time.Time `json:"dropped,omitempty"` // by profile: the slot that somebody dropped
}

// A Dispatcher starts runs. Its methods may be called at the same time.
type Dispatcher struct {
	o    Options
	wake chan struct{}

	mu      sync.Mutex
	jobs    map[string]Job
	queue   []*entry           // in no order
	running map[string]*entry  // by profile
	settled map[string]settled // by profile
	last    map[string]lastRun // by profile
	paused  map[string]bool    // profiles; "" is all
	dropped map[string]time.Time
	asked   int64 // counts entries
	wall    time.Time
	elapsed time.Duration
	stopped bool // no run starts any more
	ends    sync.WaitGroup
}

// An entry is a request in the queue, or the run that was made of it.
type entry struct {
	Request
	order     int64         // of arrival
	first     bool          // was moved to the front
	attempt   int           // runs that failed before
	busy      int           // times that a run beside the service kept it out
	notBefore time.Duration // on the clock of Elapsed
	why       string        // it waits
	loadWait  bool          // it waits for a low load
	started   time.Time
	cancel    context.CancelCauseFunc
	cancelled bool // by somebody
}

// settled is the newest slot of a profile that needs no run as far as the dispatcher knows.
// It saves questions; whoever sets the clock back makes it void.
type settled struct {
	slot time.Time
	at   time.Time
}

type lastRun struct {
	ended time.Time
	code  int
}

func (o *Options) setDefaults() {
	if o.Parallel <= 0 {
		o.Parallel = 2
	}
	if o.PerRepository <= 0 {
		o.PerRepository = 1
	}
	if o.Save == nil {
		o.Save = func(Saved) error { return nil }
	}
	if o.Turn == nil {
		o.Turn = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// New returns a dispatcher of jobs. Nothing starts before Run.
func New(jobs []Job, o Options) *Dispatcher {
	o.setDefaults()
	d := &Dispatcher{
		o: o, wake: make(chan struct{}, 1), jobs: map[string]Job{}, running: map[string]*entry{},
		settled: map[string]settled{}, last: map[string]lastRun{}, paused: map[string]bool{}, dropped: map[string]time.Time{},
	}
	for _, j := range jobs {
		j.Retries = j.Retries.withDefaults()
		d.jobs[j.Profile] = j
	}
	d.restore(o.Saved)
	return d
}

func (d *Dispatcher) restore(s Saved) {
	for _, profile := range s.Paused {
		d.paused[profile] = true
	}
	for profile, slot := range s.Dropped {
		d.dropped[profile] = slot
	}
	for _, r := range s.Requests {
		d.add(&entry{Request: r})
	}
}

func (d *Dispatcher) add(e *entry) {
	d.asked++
	e.order = d.asked
	d.queue = append(d.queue, e)
}

// Run starts runs until ctx ends. It then ends those that are under way, and returns after
// the last.
func (d *Dispatcher) Run(ctx context.Context) {
	d.mu.Lock()
	d.wall, d.elapsed = d.now(), d.o.Elapsed()
	d.mu.Unlock()
	for ctx.Err() == nil {
		d.o.Turn()
		timer := time.NewTimer(d.turn(ctx))
		select {
		case <-ctx.Done():
		case <-d.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	d.stop()
	d.ends.Wait()
}

// now returns the wall clock's time without what the monotonic clock adds to it.
func (d *Dispatcher) now() time.Time { return d.o.Now().Round(0) }

// turn plans, starts what may start, and returns how long nothing will be due.
func (d *Dispatcher) turn(ctx context.Context) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, elapsed := d.now(), d.o.Elapsed()
	d.noticeJump(now, elapsed)
	d.plan(now)
	d.startAll(ctx, now, elapsed)
	return d.untilNext(now, elapsed)
}

// noticeJump logs that the wall clock and the other one disagree.
func (d *Dispatcher) noticeJump(now time.Time, elapsed time.Duration) {
	jump := now.Sub(d.wall) - (elapsed - d.elapsed)
	if jump > 2*time.Second {
		d.o.Log.Info("the machine slept, or the clock was set forward", "by", jump.Round(time.Second))
	} else if jump < -2*time.Second {
		d.o.Log.Warn("the clock was set back", "by", -jump.Round(time.Second))
	}
	d.wall, d.elapsed = now, elapsed
}

// poke makes the loop take a turn.
func (d *Dispatcher) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// stop ends all runs that are under way.
func (d *Dispatcher) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	for _, e := range d.running {
		e.cancel(ErrStopping)
	}
}

// save keeps what the next dispatcher gets. A failure costs no run that is wanted now.
func (d *Dispatcher) save() {
	s := Saved{Dropped: maps.Clone(d.dropped)}
	for profile := range d.paused {
		s.Paused = append(s.Paused, profile)
	}
	for _, e := range d.queue {
		if e.byHand() {
			s.Requests = append(s.Requests, e.Request)
		}
	}
	for _, e := range d.running {
		if e.byHand() {
			s.Requests = append(s.Requests, e.Request)
		}
	}
	if err := d.o.Save(s); err != nil {
		d.o.Log.Warn("the queue could not be saved: a crash would lose requests by hand", "err", err)
	}
}
