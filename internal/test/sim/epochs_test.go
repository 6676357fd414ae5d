package sim

import (
	"testing"
)

// Keys are rotated while others write, prune, forget and read.
func TestKeyEpochs(t *testing.T) {
	t.Parallel()
	s := newStage(t, "xY").publishConcurrently(t, "x", "Yz")
	writes1, writes2 := writer("w1", "xz", "xYZ", "aBc"), writer("w2", "xYz", "aBcD")
	pruner1, forgets1 := pruner("p"), forgetter("x")
	for _, a := range []*actor{&writes1, &writes2, &pruner1, &forgets1} {
		a.role, a.mortal = reopening(a.role), true
	}
	runRandomly(t, &randomProgram{
		program: program{name: "key epochs", stage: s, keys: true, actors: []actor{
			writes1, writes2, pruner1, forgets1,
			{name: "k", role: reopening(rotates), footprint: footprint{"put epochs/", "put keys/", "delete keys/"}, mortal: true},
			{name: "r", role: reopening(reads), mortal: true},
		}},
		faults: allFaults, lives: 4, steps: 700,
	}, seeds(t, 30))
}
