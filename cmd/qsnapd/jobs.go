package main

import (
	"os"
	"slices"
	"time"

	"github.com/qsnap/qsnap/internal/dispatch"
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
		j.Jitter = s.After(due, p.Hostname(os.Getenv, machine), p.Name)
	}
	return j, nil
}
