package sim

import (
	"testing"
)

// movedManifests counts the snapshots that came to the twin as they are.
func movedManifests(w *world) (n int) {
	for name := range w.told {
		if w.told[twinPrefix+name] {
			n++
		}
	}
	return n
}

// A prune is about to delete a pack that another one deletes first. Then it is copied
// once more: not under the same name.
func TestACopyBesidePrunes(t *testing.T) {
	t.Parallel()
	s := newStage(t, "x").twin(t).copied(t)
	explore(t, &program{name: "copy and two prunes", stage: s, breaks: 1, only: amongPrunes.below(twinPrefix), actors: []actor{
		pruner("p1").atTwin(), pruner("p2").atTwin(), copier("c", "", twinPrefix, 1),
	}})
}

func TestRandomTwins(t *testing.T) {
	t.Parallel()
	runRandomly(t, twins(t), simRuns(t, 40))
}

func twins(t *testing.T) *randomProgram {
	s := newStage(t, "xY").publishBlindly(t, "x", "Yz").twin(t)
	return &randomProgram{
		program: program{name: "twins", stage: s, about: movedManifests, actors: []actor{
			writer("w", "xz", "xYZ", "aB").dies(), pruner("p").dies(), forgetter("x", "xz").dies(),
			copier("c1", "", twinPrefix, 3), copier("c2", "", twinPrefix, 2), copier("back", twinPrefix, "", 2),
			writer("tw", "xYc", "cZ").atTwin().dies(), hastyPruner("tp1").atTwin().dies(), pruner("tp2").atTwin().dies(),
			forgetter("xY", "Yz", "xYc").named("tf").atTwin().dies(),
			{name: "r", at: twinPrefix, role: reads, mortal: true},
		}},
		faults: allFaults, lives: 4, steps: 900,
	}
}
