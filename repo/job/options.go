package job

import (
	"crypto/rand"
	"io"
	"os"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// Errors of runs, by which errors.Is tells them apart. Those of package repo come as they
// are.
var (
	// ErrRunning means that another run of the profile is under way.
	ErrRunning = exit.ErrRunning
	// ErrIncomplete means that there is a version, which lacks a named source.
	ErrIncomplete = exit.ErrNotWhole
	// ErrPartial means that there is a good version, which lacks single files.
	ErrPartial = exit.ErrPartial
	// ErrBehind means that a replica or a copy is late.
	ErrBehind = exit.ErrBehind
	// ErrInterrupted means that the context ended before the run did.
	ErrInterrupted = exit.ErrInterrupted
)

// Options say what is run, and how. Only Profile is required.
type Options struct {
	Profile profile.Profile
	// State is the state directory. Empty is the user's.
	State string
	// Level is the level of the version. Nil is what the schedule asks for.
	Level *snapshot.Level

	// Scheduled makes the run one for the slot of the schedule: it is skipped if the slot is
	// done, or if the profile is paused.
	Scheduled bool
	// SkipIfYounger skips the run if the last good version ended more recently than that.
	SkipIfYounger time.Duration
	// Wait waits for a run that is under way. Otherwise that is ErrRunning.
	Wait bool
	// DryRun stores and deletes nothing, runs no hook and records nothing.
	DryRun bool
	// NoLimit lets the run take what it can of the machine.
	NoLimit bool
	// Process gives way to others, as a program does that only runs jobs. Nil leaves the
	// priorities of the process as they are: the run is slowed down all the same.
	Process *Process

	// ID, Trigger, Slot, Due and Priority are what a scheduler records of a run. Zero values
	// are a new id, ByHand or BySchedule, the slot at the time, and the profile's priority.
	ID       string
	Trigger  report.Trigger
	Slot     time.Time
	Due      time.Time
	Priority int

	// Progress is called now and then, and at the beginning of each step, by one goroutine
	// at a time. Nil ignores it.
	Progress func(report.RunProgress)
	// Warn is called with what should be looked at and doesn't fail the run, such as a file
	// that could not be read, by one goroutine at a time. Nil ignores it.
	Warn func(error)

	// Schemes of locations are known beside those that are built in.
	Schemes map[string]connect.Scheme
	// Now tells the time. Nil is time.Now.
	Now func() time.Time
	// Rand is where ids come from. Nil is crypto/rand.
	Rand io.Reader
	// Getenv returns a variable of the environment, and Environ are all variables, for hooks.
	// Nil is os.Getenv and os.Environ.
	Getenv  func(string) string
	Environ func() []string
}

// fill sets what the caller has left open.
func (o *Options) fill() error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Environ == nil {
		o.Environ = os.Environ
	}
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	if o.Progress == nil {
		o.Progress = func(report.RunProgress) {}
	}
	if o.Trigger == "" {
		o.Trigger = report.ByHand
		if o.Scheduled {
			o.Trigger = report.BySchedule
		}
	}
	if o.Priority == 0 {
		o.Priority = o.Profile.Priority
	}
	if o.State == "" {
		var err error
		o.State, err = state.Default(o.Getenv)
		return err
	}
	return nil
}
