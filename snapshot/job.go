package snapshot

import (
	"encoding/hex"
	"fmt"
	"time"
)

// A Level says how much of a snapshot was proven when it was taken. Every snapshot restores
// alone, whatever its level.
type Level string

// The levels. Newer versions may add others; a reader preserves levels that it doesn't know.
const (
	// LevelIncremental: what has changed since the newest snapshot of the source was read.
	LevelIncremental Level = ""
	// LevelDifferential: what has changed since the last full snapshot was read.
	LevelDifferential Level = "differential"
	// LevelFull: every byte was read, and what the repository had already was verified.
	LevelFull Level = "full"
)

// String returns the level's name.
func (l Level) String() string {
	if l == LevelIncremental {
		return "incremental"
	}
	return string(l)
}

// ParseLevel returns the level with a name.
func ParseLevel(name string) (Level, error) {
	for _, l := range []Level{LevelIncremental, LevelDifferential, LevelFull} {
		if name == l.String() {
			return l, nil
		}
	}
	return "", fmt.Errorf("unknown level %q: use full, differential or incremental", name)
}

// A Job is what a snapshot records of the job that took it.
type Job struct {
	// Profile is the name of the profile that the job ran, or empty.
	Profile string
	// Slot is when the run was due, or the beginning of the period in which it began if it
	// was run beside the schedule. Zero means that there is no schedule.
	Slot time.Time
	// Installation is where the job ran: two machines with one host name have two. Zero
	// means that it isn't known.
	Installation Installation
	// Settings are the profile as YAML, without secrets, so that a machine of which nothing
	// is left can get its job back.
	Settings []byte
}

// An Installation identifies one installation of qsnap by random bytes.
type Installation [16]byte

// String returns the installation as 32 hexadecimal digits.
func (i Installation) String() string { return hex.EncodeToString(i[:]) }

// IsZero reports whether the installation is the zero value, which identifies none.
func (i Installation) IsZero() bool { return i == Installation{} }

// ParseInstallation parses the output of String.
func ParseInstallation(s string) (i Installation, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(i) {
		return i, fmt.Errorf("%q is no id of an installation, which has %d hexadecimal digits", s, 2*len(i))
	}
	return Installation(b), nil
}

// setJob sets the fields that say which job took the snapshot, and at which level.
func (w *wireManifest) setJob(m *Manifest) {
	w.Level, w.Profile, w.Settings = string(m.Level), m.Job.Profile, m.Job.Settings
	if !m.Job.Slot.IsZero() {
		slot := toWireTime(m.Job.Slot)
		w.Slot = &slot
	}
	if !m.Job.Installation.IsZero() {
		w.Installation = m.Job.Installation[:]
	}
}

// job reads what setJob sets, and reports whether it is valid.
func (w *wireManifest) job(m *Manifest) bool {
	m.Level, m.Job.Profile, m.Job.Settings = Level(w.Level), w.Profile, w.Settings
	if w.Level == LevelIncremental.String() { // which is left out
		return false
	}
	if w.Slot != nil {
		if !w.Slot.valid() {
			return false
		}
		m.Job.Slot = w.Slot.time()
	}
	if len(w.Installation) > 0 {
		if len(w.Installation) != len(m.Job.Installation) {
			return false
		}
		if m.Job.Installation = Installation(w.Installation); m.Job.Installation.IsZero() {
			return false
		}
	}
	return true
}
