package dispatch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// ErrUnknown is the error about a profile or a run that isn't there.
var ErrUnknown = errors.New("unknown")

// An unknown error is ErrUnknown with a text of its own.
type unknown string

// Error returns one line.
func (u unknown) Error() string { return string(u) }

// Is reports whether the other error is ErrUnknown.
func (u unknown) Is(other error) bool { return other == ErrUnknown }

// Enqueue asks for a run by hand, and returns the run's id. Asking again for what waits
// already changes its priority only.
func (d *Dispatcher) Enqueue(profile, level string, priority int, noLimit bool) (id string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.jobs[profile]; !known {
		return "", d.unknownProfile(profile)
	}
	defer d.poke()
	for _, e := range d.queue {
		if e.byHand() && e.Profile == profile && e.Level == level && e.NoLimit == noLimit {
			e.Priority = priority
			d.save()
			return e.ID, nil
		}
	}
	r := Request{ID: d.o.NewID(), Profile: profile, Trigger: report.ByHand, Level: level, Priority: priority, NoLimit: noLimit, Due: d.now()}
	d.add(&entry{Request: r})
	d.save()
	d.o.Log.Info("a run was asked for", "profile", profile, "run", r.ID, "level", level, "priority", priority)
	return r.ID, nil
}

func (d *Dispatcher) unknownProfile(name string) error {
	return unknown(fmt.Sprintf("the service knows no profile %q: \"qsnap reload\" makes it read its configuration again", name))
}

// waiting returns the entry with an id or, if it is the only one, of a profile.
func (d *Dispatcher) waiting(name string) (*entry, error) {
	var found []*entry
	for _, e := range d.queue {
		if e.ID == name {
			return e, nil
		}
		if e.Profile == name {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		return nil, unknown(fmt.Sprintf("no run or profile %q waits: \"qsnap queue\" lists what does", name))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%q: %d of its runs wait: name one by its id, which \"qsnap queue\" shows", name, len(found))
}

// Move moves what waits to the front, or gives it a priority.
func (d *Dispatcher) Move(name string, first bool, priority *int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.waiting(name)
	if err != nil {
		return err
	}
	if first {
		for _, other := range d.queue {
			other.first = false
		}
		e.first = true
	}
	if priority != nil {
		e.first, e.Priority = first, *priority
	}
	d.save()
	d.poke()
	return nil
}

// Drop removes what waits. A slot that is dropped gets no run.
func (d *Dispatcher) Drop(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.waiting(name)
	if err != nil {
		return err
	}
	d.drop(e)
	d.remove(e)
	d.save()
	d.o.Log.Info("a run was dropped", "profile", e.Profile, "run", e.ID)
	d.poke()
	return nil
}

// drop remembers that nobody wants a run for the slot.
func (d *Dispatcher) drop(e *entry) {
	if !e.Slot.IsZero() {
		d.dropped[e.Profile] = e.Slot
	}
}

// Cancel ends the run of a profile, or the run with an id, and does not repeat it.
func (d *Dispatcher) Cancel(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.running {
		if e.ID == name || e.Profile == name {
			e.cancelled = true
			d.drop(e)
			d.save()
			e.cancel(ErrCancelled)
			return nil
		}
	}
	return unknown(fmt.Sprintf("no run or profile %q is running: \"qsnap queue drop\" removes what waits", name))
}

// SetParallel changes how many runs there are at the same time, and of one repository, as in
// Options.
func (d *Dispatcher) SetParallel(host, repository int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.o.Parallel, d.o.PerRepository = host, repository
	d.o.setDefaults()
	d.poke()
}

// Pause keeps scheduled runs of a profile, or with "" all, from starting. Runs by hand start,
// and runs that are under way go on.
func (d *Dispatcher) Pause(profile string) error { return d.setPaused(profile, true) }

// Resume undoes Pause. The newest slot that was missed is caught up.
func (d *Dispatcher) Resume(profile string) error { return d.setPaused(profile, false) }

func (d *Dispatcher) setPaused(profile string, paused bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	job, known := d.jobs[profile]
	switch {
	case profile != "" && !known:
		return d.unknownProfile(profile)
	case !paused && job.Paused:
		return fmt.Errorf("profile %q is paused by its configuration: remove \"paused\" there", profile)
	case !paused && profile != "" && d.paused[""]:
		return fmt.Errorf("profile %q: all profiles are paused: \"qsnap resume\" without a profile resumes them", profile)
	case paused:
		d.paused[profile] = true
	default:
		delete(d.paused, profile)
	}
	d.save()
	d.poke()
	d.o.Log.Info("scheduled runs", "profile", profile, "paused", paused)
	return nil
}

// Reload replaces the jobs. Runs that are under way go on; of a profile that is gone, what
// waits is dropped. What failed for good is tried again: its configuration may be another.
func (d *Dispatcher) Reload(jobs []Job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.jobs = map[string]Job{}
	clear(d.settled)
	for _, j := range jobs {
		j.Retries = j.Retries.withDefaults()
		d.jobs[j.Profile] = j
	}
	d.queue = slices.DeleteFunc(d.queue, func(e *entry) bool {
		_, known := d.jobs[e.Profile]
		if !known {
			d.o.Log.Warn("a run is dropped: its profile is gone", "profile", e.Profile, "run", e.ID)
		}
		return !known
	})
	for profile := range d.running {
		if _, known := d.jobs[profile]; !known {
			d.o.Log.Info("a run goes on whose profile is gone", "profile", profile)
		}
	}
	d.save()
	d.poke()
}

// A Status is what a dispatcher does at one time.
type Status struct {
	Paused   bool
	Profiles []report.ServiceProfile
	Running  []Running
	Queue    []report.Queued
}

// Running is a run that is under way.
type Running struct {
	Request
	Started time.Time
}

// Status returns what goes on.
func (d *Dispatcher) Status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	s := Status{Paused: d.paused[""]}
	for _, name := range slices.Sorted(maps.Keys(d.jobs)) {
		job, last := d.jobs[name], d.last[name]
		slot, _ := job.newest(now)
		s.Profiles = append(s.Profiles, report.ServiceProfile{
			Name: name, Paused: d.isPaused(job), Next: job.next(now), Slot: slot, Ended: last.ended, Code: last.code,
		})
	}
	for _, name := range slices.Sorted(maps.Keys(d.running)) {
		e := d.running[name]
		s.Running = append(s.Running, Running{e.Request, e.started})
	}
	for i, e := range d.inOrder() {
		s.Queue = append(s.Queue, report.Queued{
			ID: e.ID, Profile: e.Profile, Position: i + 1, Trigger: e.Trigger, Level: e.Level, Priority: e.Priority,
			Slot: e.Slot, Due: e.Due, Failed: e.attempt, Why: e.why,
		})
	}
	return s
}
