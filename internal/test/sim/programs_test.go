package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTwoWriters(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "two writers", stage: newStage(t, "xy"), interruptions: 2, actors: []actor{
		writer("w1", "xz"), writer("w2", "xyz"),
	}})
}

func TestAWriterDiesAndAnotherGoesOn(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "a writer dies", stage: newStage(t, "xY"), interruptions: 1, crashes: 1, actors: []actor{
		writer("w1", "xz").mayDie(), writer("w2", "xYz"),
	}})
}

func TestAReaderBesideAWriter(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "writer and reader", stage: newStage(t, "xy"), interruptions: allInterruptions, actors: []actor{
		writer("w1", "xz", "z"),
		{name: "r", role: reads},
	}})
}

// What nothing needs any more is needed again by a writer, while a prune is about to
// delete it.
func TestAWriterNeedsWhatIsAboutToGo(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "write and prune", stage: newStage(t, "x").forget(t, "x"), interruptions: 1, actors: []actor{
		writer("w", "x"), pruner("p"),
	}})
}

// The same, but somebody removes the leases: that is never a matter of safety. Nor is
// that a prune takes the writer for dead, as in TestEveryRunOfAWriterAndAHastyPrune.
func TestLeasesAreNoSafety(t *testing.T) {
	t.Parallel()
	s := newStage(t, "x").forget(t, "x")
	explore(t, &program{name: "write and prune without leases", stage: s, interruptions: 1, interruptAt: append(slices.Clip(protocol), "put leases/", "list leases/", "delete leases/"), actors: []actor{
		writer("w", "x"), pruner("p"), leaseRemover(),
	}})
}

// The parent is forgotten and its data deleted, while a writer builds on it.
func TestAWriterBuildsOnWhatIsForgotten(t *testing.T) {
	t.Parallel()
	s := newStage(t, "xY")
	explore(t, &program{name: "write, forget and prune", stage: s, interruptions: 1, actors: []actor{
		writer("w", "xYz"), pruner("p"), forgetter("xY"),
	}})
	stays := actor{name: "w", role: readsThenWrites("xYz"), footprint: writing}
	explore(t, &program{name: "stay, forget and prune", stage: s, interruptions: 1, interruptAt: protocol, actors: []actor{
		stays, hastyPruner("p"), forgetter("xY"),
	}})
	s = newStage(t, "xY").leavePending()
	explore(t, &program{name: "stay, forget and prune after a crash", stage: s, interruptions: 1, interruptAt: protocol, actors: []actor{
		stays, hastyPruner("p"), forgetter("xY"),
	}})
}

// halfDead returns a stage with a pack of which half is needed, to be moved to another
// pack. Of two packs with the same, prunes keep the one whose id is lower: here it is
// lower than that of most.
func halfDead(t *testing.T) *stage {
	t.Helper()
	for n := range 1000 {
		s := newStage(t).salted(fmt.Sprint(n))
		s.publish(t, s.mem, "xy")
		for name, b := range s.mem.Objects() {
			if bytes.HasPrefix(b, []byte("qsnapD")) && strings.HasPrefix(name, "packs/0") {
				s.publish(t, s.mem, "x")
				return s.forget(t, "xy")
			}
		}
	}
	t.Fatal("no pack has a low id")
	return nil
}

// Each of two prunes would keep what is there twice in another pack.
func TestTwoPrunes(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "two prunes", stage: halfDead(t), interruptions: 1, interruptAt: protocol, actors: []actor{hastyPruner("p1"), hastyPruner("p2"), leaseRemover()}})
}

func TestAReaderBesideAPrune(t *testing.T) {
	t.Parallel()
	s := newStage(t).publishConcurrently(t, "x", "y", "xy").forget(t, "x", "y")
	explore(t, &program{name: "read and prune", stage: s, interruptions: 2, actors: []actor{
		pruner("p"), {name: "r", role: reads},
	}})
}

func TestForgetBesideAPrune(t *testing.T) {
	t.Parallel()
	s := newStage(t).publishConcurrently(t, "x", "y", "xy").forget(t, "x", "y")
	explore(t, &program{name: "forget and prune", stage: s, interruptions: allInterruptions, actors: []actor{pruner("p"), forgetter("xy")}})
}

func TestAPruneDiesAndAnotherGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t).publishConcurrently(t, "x", "xy").forget(t, "x")
	explore(t, &program{name: "a prune dies", stage: s, crashes: 1, actors: []actor{
		pruner("p1").mayDie(), pruner("p2"),
	}})
}
