package sim

import (
	"testing"

	"github.com/qsnap/qsnap/target/targettest"
)

// Full snapshots read back what they reuse while others delete it, move it, or forget it.
func TestRandomFullSnapshots(t *testing.T) {
	t.Parallel()
	runRandomly(t, fulls(t), seeds(t, 40))
}

func fulls(t *testing.T) *randomProgram {
	s := newStage(t, "xY").publishConcurrently(t, "x", "xy", "Yz")
	return &randomProgram{
		program: program{name: "full snapshots", stage: s, actors: []actor{
			verifier("v1", "xz", "xYZ", "aBc").mayDie(), verifier("v2", "xYz", "x"), writer("w", "xY", "aBcD").mayDie(),
			pruner("p1").mayDie(), pruner("p2").mayDie(), forgetter("x", "xy", "xz").mayDie(), leaseRemover().mayDie(),
			{name: "r", role: reads, mortal: true}, {name: "b", role: undeletes("xy"), footprint: writing, mortal: true},
		}},
		faults: allFaults, lives: 5, steps: 700,
	}
}

// A target that breaks its contract leaves half a pack under its name. Full snapshots find
// that and delete it, and what was published stays whole.
func TestRandomFullSnapshotsOfTornWrites(t *testing.T) {
	t.Parallel()
	p := fulls(t)
	p.name, p.torn, p.reached = "full snapshots of torn writes", true, tornObjects
	p.faults = []targettest.Fault{targettest.Tear, targettest.CrashTear, targettest.CrashAfter}
	runRandomly(t, p, seeds(t, 20))
}
