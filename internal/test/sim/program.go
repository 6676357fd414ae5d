package sim

import (
	"testing"

	"github.com/qsnap/qsnap/target/targettest"
)

func actorsOf(p *program) []*actor {
	var out []*actor
	for i := range p.actors {
		out = append(out, &p.actors[i])
	}
	return out
}

// A randomProgram is one whose runs are too many to make them all: what happens is
// drawn, and so are crashes, failures, hangs, actors that come to nothing for long,
// clocks that jump, actors that begin again with their cache or without, and in half
// of the runs, what listings tell of objects that come or go meanwhile.
type randomProgram struct {
	program
	faults []targettest.Fault // that operations of mortal actors may meet with
	lives  int                // of a mortal actor, at most
	steps  int                // after which nothing more goes wrong
}

// sawEnough fails the test if what the program is about has never happened, unless that
// is excused.
func (p *program) sawEnough(t *testing.T, counted int, excused bool) {
	t.Helper()
	if p.about != nil {
		t.Logf("%s: %d times what it is about", p.name, counted)
	}
	if p.about != nil && counted == 0 && !excused {
		t.Fatalf("%s: what it is about has never happened", p.name)
	}
}

// A program is what some actors do on a stage at the same time.
type program struct {
	name    string
	stage   *stage
	actors  []actor // name, role and what they may do; each run has copies
	crashes int     // how many actors may die, in an explored run
	torn    bool    // the target may break its contract: see TestRandomTornWrites
	keys    bool    // the keys are changed, so that it matters when they are read
	// about counts in a run that has ended what the program is about, which has to happen
	// in some run, or it shows nothing. It may be nil.
	about func(w *world) int
	// only, if it isn't empty, is before what an actor may be interrupted, in an explored
	// run.
	only   footprint
	breaks int // how many interruptions an explored run has at most, or everyRun; see explorer
}
