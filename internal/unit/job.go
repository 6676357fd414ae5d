package unit

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

// A Job is what another scheduler starts.
type Job struct {
	// Profile is the name of the profile. It names the units, too.
	Profile string
	// Command is the absolute name of a program, and its arguments.
	Command  []string
	Schedule calendar.Schedule
	// Jitter is how long after a slot the run starts.
	Jitter time.Duration
	// Now is a time from which on the slots count.
	Now time.Time
	// Zone is the time zone of the host, which cron and launchd compute in.
	Zone *time.Location

	// User means that the job is that of a user, not of the system.
	User bool
	// Home is the home directory, which systemd gives to services of the system if it is set.
	Home string
	// Writes are the directories that the job writes to.
	Writes []string
	// Free means that the job runs other programs, such as hooks, which may do anything.
	Free bool
	// Credentials are files whose contents systemd gives the job, by the name of the
	// credential. Without a file, systemd finds it in its own places, such as /etc/credstore.
	Credentials map[string]string
	// OnFailure is the unit that systemd starts when a run has failed.
	OnFailure string
}

// Written is in all that is written, and tells it from what people have written.
const Written = "Written by \"qsnap schedule install\", which overwrites it."

// check returns an error if the job can't be written for any scheduler.
func (j Job) check() error {
	switch {
	case j.Schedule.IsZero():
		return fmt.Errorf("profile %s has no schedule: add one, such as schedule: {every: 1h}", j.Profile)
	case len(j.Command) == 0:
		return errors.New("there is no command to run")
	}
	for _, word := range append([]string{j.Profile, j.OnFailure, j.Home}, append(j.Command, j.Writes...)...) {
		if strings.ContainsAny(word, "\n\r\x00") {
			return fmt.Errorf("%q has a line break, which a scheduler can't have", word)
		}
	}
	return nil
}
