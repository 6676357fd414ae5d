package repo_test

import "testing"

// These programs are so short that all of their runs can be made, at least between the
// operations that a protocol is about: what an actor does up to the next of these
// happens at once. Where even so they take long, the tests make those with few
// interruptions, and all of them with QSNAP_SIM_INTERRUPTIONS=all, as .ci/interleavings
// does.

// deadTree returns a stage with one pack that nothing needs. It holds the tree of x'.
func deadTree(t *testing.T) *stage {
	t.Helper()
	return newStage(t, "x'", "x").forget(t, "x'")
}

// amongPrunes is what prunes tell each other.
var amongPrunes = footprint{
	"list quarantine/", "put quarantine/", "delete quarantine/", "list packs/", "put packs/", "delete packs/",
}

func TestSimEveryRunOfTwoWriters(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of two writers", stage: newStage(t, "x"), breaks: everyRun, only: protocol, actors: []actor{
		writer("w1", "xy"), writer("w2", "xz"),
	}})
	explore(t, &program{name: "every run of two writers and forget", stage: newStage(t, "x"), breaks: 1, only: protocol, actors: []actor{
		writer("w1", "xy"), writer("w2", "xz"), forgetter("x"),
	}})
}

func TestSimEveryRunOfAWriterAndAPrune(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of write and prune", stage: deadTree(t), breaks: everyRun, only: protocol, actors: []actor{
		writer("w", "x'"), pruner("p"),
	}})
}

func TestSimEveryRunOfAWriterAndAHastyPrune(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of write and prune in haste", stage: deadTree(t), breaks: everyRun, only: protocol, actors: []actor{
		writer("w", "x'"), hastyPruner("p"),
	}})
	explore(t, &program{name: "every run of write and prune two in haste", stage: newStage(t, "x").forget(t, "x"), breaks: 2, only: protocol, actors: []actor{
		writer("w", "x"), hastyPruner("p"),
	}})
}

func TestSimEveryRunOfTwoPrunes(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of two prunes", stage: deadTree(t), breaks: 2, only: protocol, actors: []actor{
		pruner("p1"), pruner("p2"),
	}})
}

// One prune moves what is needed of a pack to another, and is about to put the first
// in quarantine. The other takes it for dead, the first to be the better copy, and
// deletes the new one.
func TestSimEveryRunOfTwoPrunesWithTwoCopies(t *testing.T) {
	t.Parallel()
	late := hastyPruner("p2")
	late.role = foreseesAndPrunes
	explore(t, &program{name: "every run of two prunes, two copies", stage: halfDead(t), breaks: 2, only: amongPrunes, actors: []actor{
		pruner("p1"), late,
	}})
}

// What a run has begun is gone on from while it is deleted.
func TestSimEveryRunOfGoingOnBesideAHastyPrune(t *testing.T) {
	t.Parallel()
	s := newStage(t, "X'").leavePending().interrupt(t, "XY")
	explore(t, &program{name: "every run of resume and prune in haste", stage: s, breaks: 2, only: protocol, about: resumedFiles, actors: []actor{
		writer("w", "XY"), hastyPruner("p"),
	}})
}

func TestSimEveryRunOfAWriterAForgetterAndAHastyPrune(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of write, forget and prune in haste", stage: newStage(t, "x"), breaks: 0, only: protocol, actors: []actor{
		writer("w", "x'"), hastyPruner("p"), forgetter("x"),
	}})
}

func TestSimEveryRunOfAWriterAForgetterAndAPrune(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "every run of write, forget and prune", stage: newStage(t, "x"), breaks: 1, only: protocol, actors: []actor{
		writer("w", "x'"), pruner("p"), forgetter("x"),
	}})
}
