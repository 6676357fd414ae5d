package dispatch

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// A Schedule tells the slots of a profile.
type Schedule interface {
	Next(after time.Time) time.Time // the first slot after a time
	Slot(at time.Time) time.Time    // the newest slot that isn't after a time
}

// A Job is what the dispatcher knows of a profile.
type Job struct {
	Profile    string
	Schedule   Schedule      // nil: runs by hand only
	Jitter     time.Duration // from a slot to when the run is due
	Priority   int           // higher runs first
	Repository string        // its runs share a limit
	Paused     bool          // by the profile itself
	NoCatchUp  bool          // what was missed is not caught up

	// A scheduled run starts only at times for which Open is true; nil: at all times.
	Open func(time.Time) bool
	// A scheduled run waits for a load below Load, at most for Window after it was due.
	Window time.Duration
	Load   float64 // part of the processors that is busy, from 0 to 1

	Retries Retries
}

// Retries says how a scheduled run that failed is repeated: until its slot has a version, or
// the next slot is due.
type Retries struct {
	Max     int           // none if negative; 0: 5
	First   time.Duration // the wait before the first one; 0: a minute
	Longest time.Duration // waits double up to this; 0: a quarter of an hour
}

func (r Retries) withDefaults() Retries {
	if r.Max == 0 {
		r.Max = 5
	}
	if r.First <= 0 {
		r.First = time.Minute
	}
	if r.Longest <= 0 {
		r.Longest = 15 * time.Minute
	}
	return r
}

// wait returns how long to wait before a retry, the first being 1. It varies by a fifth, so
// that hosts whose target came back don't all return at once.
func (r Retries) wait(retry int, random float64) time.Duration {
	wait := r.First
	for i := 1; i < retry && wait < r.Longest; i++ {
		wait *= 2
	}
	wait = min(wait, r.Longest)
	return time.Duration(float64(wait) * (0.8 + 0.4*random))
}

// A Request is a run that is wanted.
type Request struct {
	ID       string         `json:"id"` // that of the run
	Profile  string         `json:"profile"`
	Trigger  report.Trigger `json:"trigger"`
	Level    string         `json:"level,omitempty"` // none: as the profile's schedule says
	Priority int            `json:"priority,omitempty"`
	NoLimit  bool           `json:"no_limit,omitempty"`
	Slot     time.Time      `json:"slot,omitzero"` // none by hand
	Due      time.Time      `json:"due"`           // by hand: when it was asked for
}

// byHand reports whether somebody asked for the run.
func (r Request) byHand() bool { return r.Trigger == report.ByHand }

// A Runner makes runs. Its methods may be called at the same time.
type Runner interface {
	// Run makes a run and returns its record. It ends soon after its context, and the record
	// says so. An error means that there is no record: the process died.
	Run(ctx context.Context, r Request) (report.Run, error)

	// Done reports whether history has a version by what is wanted: for the slot or, of a
	// request by hand, by the run with its id. A record counts for nothing if it ends later
	// than now: the clock was set back then.
	Done(r Request) bool

	// Load returns the part of the machine's processors that is busy, from 0 to 1.
	Load() float64
}
