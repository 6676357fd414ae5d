package main

import (
	"os"
	"slices"
	"time"

	"github.com/qsnap/qsnap/internal/dispatch"
	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/repo/job/profile"
)

// jobOf returns what the dispatcher has to know of a profile.
func jobOf(p profile.Profile) (dispatch.Job, error) {
	due, err := p.Schedule.Due()
	if err != nil {
		return dispatch.Job{}, err
	}
	machine, err := os.Hostname()
	if err != nil {
		return dispatch.Job{}, err
	}
	s := p.Schedule
	j := dispatch.Job{
		Profile: p.Name, Priority: p.Priority, Repository: p.Repo.String(), Paused: p.Paused,
		NoCatchUp: s.CatchUp != nil && !*s.CatchUp,
		Window:    time.Duration(s.LowLoad.Wait), Load: float64(s.LowLoad.CPU),
		Retries: dispatch.Retries{Max: s.Retry.Times, First: time.Duration(s.Retry.Delay)},
	}
	if s.LowLoad.CPU == 0 {
		j.Window = 0
	}
	if len(s.Window) > 0 {
		j.Open = func(at time.Time) bool {
			return slices.ContainsFunc(s.Window, func(w profile.Window) bool { return w.Contains(at) })
		}
	}
	if !due.IsZero() {
		j.Schedule = due
		j.Jitter = jitterOf(due, s.Jitter, p.Hostname(os.Getenv, machine), p.Name)
	}
	return j, nil
}

// jitterOf returns the jitter that the calendar gives, or if a profile names the longest, as
// much of that.
func jitterOf(due calendar.Schedule, longest *profile.Duration, host, name string) time.Duration {
	if longest == nil {
		return due.Jitter(host, name)
	}
	return due.JitterWithin(time.Duration(*longest), host, name)
}
