package job

import (
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/snapshot"
)

// levelOf returns the level of a run for a slot, from the versions that there are.
func levelOf(p profile.Profile, levels calendar.Levels, slot time.Time, versions []*snapshot.Manifest) (snapshot.Level, error) {
	var full, differential time.Time
	for _, m := range versions {
		at := m.Job.Slot
		if at.IsZero() {
			at = m.Start
		}
		switch {
		case !m.Good():
		case m.Level == snapshot.LevelFull && at.After(full):
			full = at
		case m.Level == snapshot.LevelDifferential && at.After(differential):
			differential = at
		}
	}
	if l := levels.At(slot, full, differential); l != snapshot.LevelIncremental || p.Level == "" {
		return l, nil
	}
	return snapshot.ParseLevel(p.Level)
}
