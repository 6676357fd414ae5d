package repo_test

import (
	"errors"
	"io/fs"
	"testing"
)

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func TestSimTwoWriters(t *testing.T) {
	explore(t, &program{name: "two writers", stage: newStage(t, "xy"), actors: []actor{
		{name: "w1", role: writes("xz")},
		{name: "w2", role: writes("xyz")},
	}})
}
func TestSimTwoWriters2(t *testing.T) {
	explore(t, &program{name: "two writers", stage: newStage(t, "xY"), crashes: 2, actors: []actor{
		{name: "w1", role: writes("xz"), mortal: true},
		{name: "w2", role: writes("xYz"), mortal: true},
	}})
}
func TestSimReader(t *testing.T) {
	explore(t, &program{name: "writer and reader", stage: newStage(t, "xy"), actors: []actor{
		{name: "w1", role: writes("xz", "z")},
		{name: "r", role: reads},
	}})
}
