package sim

import (
	"testing"
)

// resumedFiles counts the files that were taken over from interrupted runs.
func resumedFiles(w *world) int { return w.resumed }

// A run dies at any time, and another goes on from its checkpoint. How that goes beside a
// prune that deletes what only the checkpoint needs is to be seen in
// TestGoingOnBesideAHastyPrune.
func TestARunDiesAndAnotherGoesOn(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "die and resume", stage: newStage(t, "X'"), crashes: 1, only: protocol, about: resumedFiles, actors: []actor{
		slowWriter("w1", "XYZ"), writer("w2", "XYZ"),
	}})
}

// What the checkpoint refers to is in packs of files, too.
func TestARunGoesOnWithFilesThatAnotherStored(t *testing.T) {
	t.Parallel()
	s := newStage(t, "x").leavePending().interrupt(t, "1xY")
	explore(t, &program{name: "resume files and prune in haste", stage: s, only: protocol, about: resumedFiles, actors: []actor{
		writer("w", "1xY"), hastyPruner("p"),
	}})
}

// Runs that take long die at any time, and others go on, while all that deletes goes on,
// too.
func TestRandomInterruptions(t *testing.T) {
	t.Parallel()
	runRandomly(t, interruptions(t), simRuns(t, 40))
}

func interruptions(t *testing.T) *randomProgram {
	s := newStage(t, "X'").leavePending().interrupt(t, "XYZ")
	return &randomProgram{
		program: program{name: "interruptions", stage: s, about: resumedFiles, actors: []actor{
			slowWriter("w1", "XYZ", "aXYZ", "XYZW"), slowWriter("w2", "XYZ", "XY'Z", "bWXY"),
			pruner("p1").dies(), hastyPruner("p2").dies(), forgetter("X'", "XYZ", "XY'Z").dies(), remover().dies(),
			{name: "r", role: reads, mortal: true},
		}},
		faults: allFaults, lives: 5, steps: 600,
	}
}
