package job

import (
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/snapshot"
)

// levelOf returns the level of a run for a slot, from the versions that there are.
func levelOf(p profile.Profile, levels calendar.Levels, slot time.Time, versions []*snapshot.Manifest) (snapshot.Level, error) {
	full, differential := lastLevels(versions)
	return levelAt(p, levels, slot, full, differential)
}

// lastLevels returns the slots of the last full and the last differential version.
func lastLevels(versions []*snapshot.Manifest) (full, differential time.Time) {
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
	return full, differential
}

// levelAt returns the level of a run for a slot after the last ones of other levels.
func levelAt(p profile.Profile, levels calendar.Levels, slot, full, differential time.Time) (snapshot.Level, error) {
	if l := levels.At(slot, full, differential); l != snapshot.LevelIncremental || p.Level == "" {
		return l, nil
	}
	return snapshot.ParseLevel(p.Level)
}
