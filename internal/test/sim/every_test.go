package sim

import (
	"testing"
)

// The programs of tests that are called after every run are so short that all of their
// runs can be made: all orders of the operations that the protocol of deleting is about.
// What an actor does up to the next of these operations happens at once, so leases and
// index deltas are read and written only then. Nobody crashes in them. Programs that have
// too many runs even so are explored with few interruptions by default, and with all of
// them if QSNAP_SIM_INTERRUPTIONS=all, as .ci/interleavings does.
//
// The other programs here have more runs than can be made. .ci/interleavings explores them
// with some more interruptions.

// deadTree returns a stage with one pack that nothing needs. It holds the tree of x'.
func deadTree(t *testing.T) *stage {
	t.Helper()
	return newStage(t, "x'", "x").forget(t, "x'")
}

func TestEveryRunOfTwoWriters(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of two writers", stage: newStage(t, "x"), interruptions: allInterruptions, interruptAt: protocol, actors: []actor{
		writer("w1", "xy"), writer("w2", "xz"),
	}})
	explore(t, &program{name: "every run of two writers and forget", stage: newStage(t, "x"), interruptions: 1, interruptAt: protocol, actors: []actor{
		writer("w1", "xy"), writer("w2", "xz"), forgetter("x"),
	}})
}

func TestEveryRunOfAWriterAndAPrune(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of write and prune", stage: deadTree(t), interruptions: allInterruptions, interruptAt: protocol, actors: []actor{
		writer("w", "x'"), pruner("p"),
	}})
}

func TestEveryRunOfAWriterAndAHastyPrune(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of write and prune in haste", stage: deadTree(t), interruptions: allInterruptions, interruptAt: protocol, actors: []actor{
		writer("w", "x'"), hastyPruner("p"),
	}})
	explore(t, &program{name: "every run of write and prune of two packs in haste", stage: newStage(t, "x").forget(t, "x"), interruptions: 2, interruptAt: protocol, actors: []actor{
		writer("w", "x"), hastyPruner("p"),
	}})
}

func TestEveryRunOfTwoPrunes(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of two prunes", stage: deadTree(t), interruptions: 2, interruptAt: protocol, actors: []actor{
		pruner("p1"), pruner("p2"),
	}})
}

func TestEveryRunOfAWriterAForgetterAndAPrune(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of write, forget and prune", stage: newStage(t, "x"), interruptions: 1, interruptAt: protocol, actors: []actor{
		writer("w", "x'"), pruner("p"), forgetter("x"),
	}})
}

// One prune moves what is needed of a pack to another, and is about to put the first
// in quarantine. The other takes it for dead, the first to be the better copy, and
// deletes the new one.
func TestTwoPrunesWithTwoCopies(t *testing.T) {
	t.Parallel()
	late := hastyPruner("p2")
	late.role = dryRunsThenPrunes
	explore(t, &program{name: "two prunes that meet", stage: halfDead(t), interruptions: 2, interruptAt: amongPrunes, actors: []actor{
		pruner("p1"), late,
	}})
}

// What a run has begun is gone on from while it is deleted.
func TestGoingOnBesideAHastyPrune(t *testing.T) {
	t.Parallel()
	s := newStage(t, "X'").leavePending().leaveDeadRun(t, "XY")
	explore(t, &program{name: "resume and prune in haste", stage: s, interruptions: 2, interruptAt: protocol, reached: resumedFiles, actors: []actor{
		writer("w", "XY"), hastyPruner("p"),
	}})
}

func TestAWriterAForgetterAndAHastyPrune(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "write, forget and prune in haste", stage: newStage(t, "x"), interruptions: 0, interruptAt: protocol, actors: []actor{
		writer("w", "x'"), hastyPruner("p"), forgetter("x"),
	}})
}
