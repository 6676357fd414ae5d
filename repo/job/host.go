package job

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrNoService means that no qsnapd answers, which alone has a queue.
var ErrNoService = client.ErrNoService

// ErrNoRun means that there is no run to cancel.
var ErrNoRun = errors.New("no such run waits or is under way")

// A Host is a machine with jobs, as its state directory shows it. The zero value is this
// machine, with the state directory of this user.
type Host struct {
	// State is the state directory. Empty is the user's.
	State string
	// Getenv returns a variable of the environment. Nil is os.Getenv.
	Getenv func(string) string
	// Now tells the time. Nil is time.Now.
	Now func() time.Time
}

// open opens the state directory.
func (h Host) open() (*state.Dir, error) {
	o := Options{State: h.State, Getenv: h.Getenv, Now: h.Now}
	if err := o.fill(); err != nil {
		return nil, err
	}
	return state.Open(o.State, o.Rand, o.Now)
}

// A HistoryFilter selects records of runs. The zero value selects all.
type HistoryFilter struct {
	Profile string    // empty is all profiles
	Since   time.Time // the runs that started then or later; zero is no bound
	Before  time.Time // the runs that started before that; zero is no bound
	Last    int       // how many of the newest; 0 is all
}

// History returns the records of the runs that a filter selects, the newest last. Records that
// can't be read are left out, and named by the error that then comes with the others.
func (h Host) History(f HistoryFilter) ([]report.Run, error) {
	d, err := h.open()
	if err != nil {
		return nil, err
	}
	return history.Open(d).List(history.Filter{Profile: f.Profile, Since: f.Since, Until: f.Before, Last: f.Last})
}

// Running returns how far the runs that are under way have come, whoever started them, in the
// order in which they began. Runs that died are not among them.
func (h Host) Running() ([]report.RunProgress, error) {
	d, err := h.open()
	if err != nil {
		return nil, err
	}
	lives, err := d.Lives()
	var out []report.RunProgress
	for _, l := range lives {
		if !l.Dead {
			out = append(out, l.RunProgress)
		}
	}
	return out, err
}

// Queue returns what the service runs, and what waits for its turn and why. Without a service
// the error is ErrNoService: runs that others start don't wait.
func (h Host) Queue(ctx context.Context) (report.Service, error) {
	d, err := h.open()
	if err != nil {
		return report.Service{}, err
	}
	return client.New(d.Path()).Status(ctx)
}

// EnqueueOptions say how a run by hand is made. The zero value is what the profile says.
type EnqueueOptions struct {
	Level    *snapshot.Level
	Priority int
	NoLimit  bool
}

// Enqueue asks the service for a run of a profile. Runs by hand come before scheduled ones.
// Without a service the error is ErrNoService: Run makes a run without it.
func (h Host) Enqueue(ctx context.Context, profile string, o EnqueueOptions) (report.RunRequested, error) {
	d, err := h.open()
	if err != nil {
		return report.RunRequested{}, err
	}
	r := client.Run{Profile: profile, Priority: o.Priority, NoLimit: o.NoLimit}
	if o.Level != nil {
		r.Level = o.Level.String()
	}
	return client.New(d.Path()).Run(ctx, r)
}

// Cancel ends a run that is under way, or takes one that waits out of the queue. It is named
// by its id or by its profile. A run that is under way goes on until it has left a whole
// repository and run the hooks that it owes. If there is no such run, the error is ErrNoRun.
func (h Host) Cancel(ctx context.Context, name string) error {
	d, err := h.open()
	if err != nil {
		return err
	}
	c := client.New(d.Path())
	s, err := c.Status(ctx)
	if err == nil {
		for _, q := range s.Queue {
			if q.ID == name || q.Profile == name {
				return c.Drop(ctx, name)
			}
		}
		for _, r := range s.Running {
			if r.ID == name || r.Profile == name {
				return c.Cancel(ctx, name)
			}
		}
	} else if !errors.Is(err, client.ErrNoService) {
		return err
	}
	return cancelAlone(d, name)
}

// cancelAlone ends a run that no service has started. A program ends its own runs by their
// context.
func cancelAlone(d *state.Dir, name string) error {
	lives, err := d.Lives()
	for _, l := range lives {
		if l.Dead || l.ID != name && l.Profile != name || l.PID == os.Getpid() {
			continue
		}
		p, err := os.FindProcess(l.PID)
		if err == nil {
			err = p.Signal(os.Interrupt)
		}
		if err != nil {
			return fmt.Errorf("run %s of %s: process %d: %w", l.ID, l.Profile, l.PID, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrNoRun, name)
}
