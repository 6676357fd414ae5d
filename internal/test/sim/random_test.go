package sim

import (
	"testing"
	"testing/synctest"

	"github.com/qsnap/qsnap/target/targettest"
)

func TestRandomWriters(t *testing.T) {
	t.Parallel()
	runRandomly(t, manyWriters(t), seeds(t, 40))
}

func manyWriters(t *testing.T) *randomProgram {
	return &randomProgram{
		program: program{name: "many writers", stage: newStage(t, "xY"), actors: []actor{
			writer("w1", "xz", "xZ", "aBc").mayDie(), writer("w2", "xYz", "z", "aBcD").mayDie(), writer("w3", "a", "b"),
			{name: "r", role: reads, mortal: true},
		}},
		faults: allFaults, lives: 4, steps: 300,
	}
}

var allFaults = []targettest.Fault{targettest.Fail, targettest.FailAfter, targettest.Hang, targettest.Crash, targettest.CrashAfter}

func TestRandomEverything(t *testing.T) {
	t.Parallel()
	runRandomly(t, everything(t), seeds(t, 60))
}

func everything(t *testing.T) *randomProgram {
	s := newStage(t, "xY").publishConcurrently(t, "x", "xy", "Yz")
	return &randomProgram{
		program: program{name: "everything", stage: s, actors: []actor{
			writer("w1", "xz", "xYZ", "aBc").mayDie(), writer("w2", "xYz", "x", "aBcD"),
			pruner("p1").mayDie(), pruner("p2").mayDie(), forgetter("x", "xy", "xz").mayDie(), leaseRemover().mayDie(),
			{name: "r", role: reads, mortal: true}, {name: "c", role: checks, footprint: leasing, mortal: true},
			{name: "e", role: replacesDeltas(2), footprint: relisting, mortal: true}, {name: "b", role: undeletes("xy"), footprint: writing, mortal: true},
		}},
		faults: allFaults, lives: 5, steps: 700,
	}
}

// A target that breaks its contract leaves half of an object under its name. What comes
// of it may fail, and space may be lost until somebody mends it; but what was reported
// as published is whole.
func TestRandomTornWrites(t *testing.T) {
	t.Parallel()
	p := everything(t)
	p.name, p.torn, p.reached = "torn writes", true, tornObjects
	p.faults = []targettest.Fault{targettest.Tear, targettest.CrashTear, targettest.CrashAfter}
	runRandomly(t, p, seeds(t, 30))
}

// tornObjects counts what was stored by half.
func tornObjects(w *world) (n int) {
	for _, m := range w.moves {
		if (m.fault == targettest.Tear || m.fault == targettest.CrashTear) && m.op.Method == "put" {
			n++
		}
	}
	return n
}

// A run is repeated by its seed, in another process too: nothing in it depends on
// chance.
func TestRunsAreRepeatedByTheirSeed(t *testing.T) {
	t.Parallel()
	for _, p := range []*randomProgram{manyWriters(t), everything(t), resumptions(t), fulls(t)} {
		audit := newAuditor(t, p.stage)
		for seed := range uint64(5) {
			var moves [2][]move
			var states [2]digest
			for i := range 2 {
				synctest.Test(t, func(t *testing.T) {
					var err error
					if moves[i], states[i], _, err = p.run(t, audit, seed); err != nil {
						t.Fatal(err)
					}
				})
			}
			for n := range min(len(moves[0]), len(moves[1])) {
				if a, b := moves[0][n], moves[1][n]; a != b {
					actors := actorsOf(&p.program)
					t.Fatalf("%s, seed %d: move %d is once %q and once %q", p.name, seed, n+1, a.text(actors), b.text(actors))
				}
			}
			if len(moves[0]) != len(moves[1]) || states[0] != states[1] {
				t.Errorf("%s, seed %d: two runs of %d and %d moves end differently", p.name, seed, len(moves[0]), len(moves[1]))
			}
		}
	}
}
