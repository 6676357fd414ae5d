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
	explore(t, &program{name: "die and resume", stage: newStage(t, "X'"), crashes: 1, interruptAt: protocol, reached: resumedFiles, actors: []actor{
		slowWriter("w1", "XYZ"), writer("w2", "XYZ"),
	}})
}

// What the checkpoint refers to is in packs of files, too.
func TestARunGoesOnWithFilesThatAnotherStored(t *testing.T) {
	t.Parallel()
	s := newStage(t, "x").leavePending().leaveDeadRun(t, "1xY")
	explore(t, &program{name: "resume files and prune in haste", stage: s, interruptAt: protocol, reached: resumedFiles, actors: []actor{
		writer("w", "1xY"), hastyPruner("p"),
	}})
}

// Runs that take long die at any time, and others go on, while all that deletes goes on,
// too.
func TestRandomResumptions(t *testing.T) {
	t.Parallel()
	runRandomly(t, resumptions(t), seeds(t, 40))
}

func resumptions(t *testing.T) *randomProgram {
	s := newStage(t, "X'").leavePending().leaveDeadRun(t, "XYZ")
	return &randomProgram{
		program: program{name: "resumptions", stage: s, reached: resumedFiles, actors: []actor{
			slowWriter("w1", "XYZ", "aXYZ", "XYZW"), slowWriter("w2", "XYZ", "XY'Z", "bWXY"),
			pruner("p1").mayDie(), hastyPruner("p2").mayDie(), forgetter("X'", "XYZ", "XY'Z").mayDie(), leaseRemover().mayDie(),
			{name: "r", role: reads, mortal: true},
		}},
		faults: allFaults, lives: 5, steps: 600,
	}
}
