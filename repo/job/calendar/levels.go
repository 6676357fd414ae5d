package calendar

import (
	"fmt"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A Recurrence says how often a level is taken. The zero value is never.
type Recurrence struct {
	name     string
	schedule Schedule
}

// recurrences are those that have a name, as cron expressions.
var recurrences = map[string]string{
	"daily":   "0 0 * * *",
	"weekly":  "0 0 * * 1",
	"monthly": "0 0 1 * *",
}

// ParseRecurrence returns the recurrence with a name: daily, weekly (from Monday on), monthly
// or never; or that of a cron expression. Days begin in the time zone; nil is the host's.
func ParseRecurrence(s string, zone *time.Location) (Recurrence, error) {
	if s == "never" {
		return Recurrence{}, nil
	}
	expr, named := recurrences[s]
	if !named {
		expr = s
	}
	schedule, err := Cron(expr, zone)
	if err != nil {
		return Recurrence{}, fmt.Errorf("use daily, weekly, monthly, never or a cron expression: %w", err)
	}
	return Recurrence{name: s, schedule: schedule}, nil
}

// String returns the text that ParseRecurrence has read.
func (r Recurrence) String() string {
	if r.IsZero() {
		return "never"
	}
	return r.name
}

// IsZero reports whether the recurrence is never.
func (r Recurrence) IsZero() bool { return r.schedule.IsZero() }

// due reports whether the recurrence asks for something at a slot, the last of which was at
// another one.
func (r Recurrence) due(slot, last time.Time) bool {
	return !r.IsZero() && last.Before(r.schedule.Slot(slot))
}

// Levels say at which level the runs of a schedule are taken. The zero value takes
// incremental ones only.
type Levels struct {
	Full         Recurrence
	Differential Recurrence
}

// At returns the level of the run for a slot, from the slots of the last full and the last
// differential version, which are zero where there is none. The first run of each day, week
// or month takes the level, whenever it comes: a missed full is caught up by the next run.
// A full counts as a differential, too.
func (l Levels) At(slot, lastFull, lastDifferential time.Time) snapshot.Level {
	if lastDifferential.Before(lastFull) {
		lastDifferential = lastFull
	}
	switch {
	case l.Full.due(slot, lastFull):
		return snapshot.LevelFull
	case l.Differential.due(slot, lastDifferential):
		return snapshot.LevelDifferential
	}
	return snapshot.LevelIncremental
}

// Differentials reports whether differentials are scheduled. As long as they are, the newest
// full version stays beyond the number of versions that are kept, as their base.
func (l Levels) Differentials() bool { return !l.Differential.IsZero() }
