package sim

import (
	"testing"
)

// movedManifests counts the snapshots that came to the twin as they are.
func movedManifests(w *world) (n int) {
	for name := range w.published {
		if w.published[twinPrefix+name] {
			n++
		}
	}
	return n
}

// A prune is about to delete a pack that another one deletes first. Then it is copied
// once more: not under the same name.
func TestACopyBesidePrunes(t *testing.T) {
	t.Parallel()
	s := newStage(t, "x").addTwin(t).copyToTwin(t)
	explore(t, &program{name: "copy and two prunes", stage: s, interruptions: 1, interruptAt: amongPrunes.under(twinPrefix), actors: []actor{
		pruner("p1").atTwin(), pruner("p2").atTwin(), copier("c", "", twinPrefix, 1),
	}})
}

func TestRandomTwins(t *testing.T) {
	t.Parallel()
	runRandomly(t, twins(t), seeds(t, 40))
}

func twins(t *testing.T) *randomProgram {
	s := newStage(t, "xY").publishConcurrently(t, "x", "Yz").addTwin(t)
	return &randomProgram{
		program: program{name: "twins", stage: s, reached: movedManifests, actors: []actor{
			writer("w", "xz", "xYZ", "aB").mayDie(), pruner("p").mayDie(), forgetter("x", "xz").mayDie(),
			copier("c1", "", twinPrefix, 3), copier("c2", "", twinPrefix, 2), copier("back", twinPrefix, "", 2),
			writer("tw", "xYc", "cZ").atTwin().mayDie(), hastyPruner("tp1").atTwin().mayDie(), pruner("tp2").atTwin().mayDie(),
			forgetter("xY", "Yz", "xYc").named("tf").atTwin().mayDie(),
			{name: "r", prefix: twinPrefix, role: reads, mortal: true},
		}},
		faults: allFaults, lives: 4, steps: 900,
	}
}
