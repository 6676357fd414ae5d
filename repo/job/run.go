package job

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/governor"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// A running is one run of a profile.
type running struct {
	o        Options
	p        profile.Profile
	host     string
	schedule calendar.Schedule
	levels   calendar.Levels
	dir      *state.Dir
	history  *history.History

	pace  *governor.Governor // nil if nothing is held
	sizes governor.Sizes
	first atomic.Bool   // there is no version of the profile yet
	repo  *connect.Repo // once the snapshot has opened it
	conns []*connect.Conn
	taken *snapshot.Manifest

	damage error // of other versions, which a full one has found and could not heal

	mu     sync.Mutex // guards what follows, and calls of Warn and Progress
	record report.Run
	at     report.RunProgress
	shown  *state.Display
	last   time.Time // when the state directory was shown the progress last
	warned map[string]bool
}

// Run runs a profile and returns the record of the run, which is in the history, too. If
// nothing had to be done, the record says so in Skipped, and there is no error. The error
// tells what went wrong, also where there is a version all the same: the record's Code is the
// exit code of "qsnap run".
func Run(ctx context.Context, o Options) (report.Run, error) {
	x, err := begin(o)
	if err != nil {
		return report.Run{}, exit.As(err, exit.ErrUsage)
	}
	if x.o.DryRun {
		return x.rehearse(ctx)
	}
	lock, err := x.lock(ctx)
	if err != nil {
		x.judge(err)
		x.record.Ended = time.Time{} // it has not begun
		return x.record, err
	}
	defer func() { _ = lock.Release() }() // it ends with the process at the latest
	owed := x.settle(ctx)
	if why := x.skip(); why != "" {
		x.judge(owed)
		x.record.Skipped = why
		return x.record, owed
	}
	return x.whole(ctx, owed)
}

// begin returns a run that has not begun.
func begin(o Options) (*running, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	schedule, err := o.Profile.Schedule.Due()
	if err != nil {
		return nil, fmt.Errorf("profile %s: schedule: %w", o.Profile.Name, err)
	}
	levels, err := o.Profile.Schedule.Levels()
	if err != nil {
		return nil, fmt.Errorf("profile %s: schedule: %w", o.Profile.Name, err)
	}
	machine, _ := os.Hostname()
	dir, err := state.Open(o.State, o.Rand, o.Now)
	if err != nil {
		return nil, err
	}
	x := &running{
		o: o, p: o.Profile, host: o.Profile.Hostname(o.Getenv, machine), schedule: schedule, levels: levels,
		dir: dir, history: history.Open(dir), warned: map[string]bool{},
	}
	return x, x.introduce()
}

// introduce writes into the record what is known before the run.
func (x *running) introduce() error {
	id, now := x.o.ID, x.o.Now()
	if id == "" {
		var err error
		if id, err = x.dir.NewID(); err != nil {
			return err
		}
	}
	r := report.Run{
		ID: id, Profile: x.p.Name, Repository: x.p.Repo.String(), Host: x.host, Trigger: x.o.Trigger, Priority: x.o.Priority,
		Slot: x.o.Slot, Due: x.o.Due, Started: now,
	}
	r.MessageType = "run"
	if !x.schedule.IsZero() {
		r.Schedule = x.schedule.String()
	}
	if i := x.dir.Installation(); !i.IsZero() {
		r.Installation = i.String()
	}
	if r.Slot.IsZero() && !x.schedule.IsZero() {
		r.Slot = x.schedule.Slot(now)
	}
	if r.Due.IsZero() && x.o.Scheduled && !r.Slot.IsZero() {
		r.Due = r.Slot.Add(x.p.Schedule.After(x.schedule, x.host, x.p.Name))
	}
	x.record, x.at = r, firstProgress(r)
	return nil
}

// pollLock is how often a run that waits looks whether the other one has ended.
const pollLock = time.Second

// lock takes the lock of the profile's runs.
func (x *running) lock(ctx context.Context) (*state.Lock, error) {
	for {
		l, err := x.dir.LockRun(x.p.Name)
		_, busy := errors.AsType[*state.Busy](err)
		switch {
		case busy && !x.o.Wait:
			return nil, exit.As(fmt.Errorf("%w: wait for it with --wait", err), exit.ErrRunning)
		case !busy:
			return l, err
		}
		t := time.NewTimer(pollLock)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, exit.As(ctx.Err(), exit.ErrInterrupted)
		}
	}
}

// whole makes the run, and records it.
func (x *running) whole(ctx context.Context, owed error) (report.Run, error) {
	x.record.Started = x.o.Now() // a run that has waited starts now
	x.show()
	cost := x.govern()
	ping := x.pingStart(ctx)
	err := errors.Join(owed, x.sequence(ctx))
	err = errors.Join(err, x.close(ctx))
	if ctx.Err() != nil {
		err = exit.As(errors.New("interrupted: the repository is whole, the next run goes on"), exit.ErrInterrupted)
	}
	x.record.Cost = cost()
	x.addEarlier(x.record.Cost)
	x.judge(err)
	x.keep()
	ping()
	if ctx.Err() == nil && x.farewell(ctx) {
		x.keep()
	}
	if x.shown != nil {
		_ = x.shown.End() // a dead run is shown as dead
	}
	return x.record, err
}

// judge writes the outcome into the record.
func (x *running) judge(err error) {
	o := exit.Of(err, true)
	x.record.Ended = x.o.Now()
	x.record.Code, x.record.Kind, x.record.Message = o.Code, "", ""
	if err != nil {
		x.record.Kind, x.record.Message = o.Kind, term.OneLine(err)
	}
}

// keep adds the record to the history. A run is no failure because it can't be recorded.
func (x *running) keep() {
	if err := x.history.Add(x.record); err != nil {
		x.warn(err)
	}
}

// warn says what should be looked at: each of several errors that were joined by itself, and
// once in a run.
func (x *running) warn(err error) {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && errors.Join(joined.Unwrap()...).Error() == err.Error() {
		all = joined.Unwrap()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, err := range all {
		if text := err.Error(); !x.warned[text] {
			x.warned[text] = true
			x.o.Warn(err)
		}
	}
}

// sequence makes the steps.
func (x *running) sequence(ctx context.Context) error {
	before := x.before(ctx)
	err := before
	if !errors.Is(before, errRequired) {
		err = errors.Join(err, x.step("snapshot", func() error { return x.snapshot(ctx) }))
	}
	err = errors.Join(err, x.after(ctx))
	if x.taken == nil {
		return err
	}
	if x.taken.Good() && before == nil && ctx.Err() == nil {
		err = errors.Join(err, x.retainAndPrune(ctx))
	}
	for _, step := range []func(context.Context) error{x.verify, x.replicate, x.copy} {
		if ctx.Err() == nil {
			err = errors.Join(err, step(ctx))
		}
	}
	return err
}

// step makes a step, and records it.
func (x *running) step(name string, do func() error) error {
	s := report.RunStep{Name: name, Started: x.o.Now()}
	x.progress(func(p *report.RunProgress) {
		*p = report.RunProgress{Head: p.Head, ID: p.ID, Profile: p.Profile, Trigger: p.Trigger, Level: p.Level, Slot: p.Slot, PID: p.PID, Started: p.Started, Step: name}
	})
	err := do()
	s.Seconds = x.o.Now().Sub(s.Started).Seconds()
	s.Code = exit.Of(err, true).Code
	if err != nil {
		s.Message = term.OneLine(err)
	}
	x.record.Steps = append(x.record.Steps, s)
	return err
}

// unsafe warns of a target that weakens a guarantee. Other oddities of the repository cost
// only time.
func (x *running) unsafe(err error) {
	if errors.Is(err, repo.ErrNotCreateOnly) {
		x.warn(err)
	}
}
