package sim

import (
	"testing"

	"github.com/qsnap/qsnap/target/targettest"
)

// A program is a stage and the actors that use it at the same time.
type program struct {
	name    string
	stage   *stage
	actors  []actor // without a world; each run has copies
	crashes int     // of actors, in an explored run at most
	torn    bool    // the target may break its contract: see TestRandomTornWrites
	keys    bool    // keys are rotated, so the order in which they are read matters
	// reached counts how often a run that has ended has reached what the program tests. A
	// program whose runs never reach it would show nothing, so its test fails. It may be nil.
	reached func(w *world) int
	// interruptAt, if it isn't empty, are the operations before which the explorer may
	// interrupt an actor. It makes all that lies between two of them at once.
	interruptAt   footprint
	interruptions int // in an explored run at most, or allInterruptions
}

// A randomProgram has too many runs to make them all. A seed decides what happens: the
// order of operations, faults, crashes, clocks that jump, actors that begin again with their
// cache or without, and in half of the runs, whether a listing has objects that come or go
// while it is read.
type randomProgram struct {
	program
	faults []targettest.Fault // of mortal actors' operations
	lives  int                // of a mortal actor, at most
	steps  int                // after which no more faults happen
}

// checkReached fails the test if no run has reached what the program tests, unless that is
// excused.
func (p *program) checkReached(t *testing.T, counted int, excused bool) {
	t.Helper()
	if p.reached != nil {
		t.Logf("%s: reached what it tests %d times", p.name, counted)
	}
	if p.reached != nil && counted == 0 && !excused {
		t.Fatalf("%s: no run has reached what it tests", p.name)
	}
}

// actorsOf returns a program's actors as they are before a run.
func actorsOf(p *program) []*actor {
	var out []*actor
	for i := range p.actors {
		out = append(out, &p.actors[i])
	}
	return out
}
