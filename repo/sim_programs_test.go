package repo_test

import (
	"slices"
	"testing/synctest"

	"errors"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
	"io/fs"
	"testing"
)

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func TestSimTwoWriters(t *testing.T) {
	explore(t, &program{breaks: 1, name: "two writers", stage: newStage(t, "xy"), actors: []actor{
		{name: "w1", role: writes("xz"), may: writing},
		{name: "w2", role: writes("xyz"), may: writing},
	}})
}
func TestSimTwoWriters2(t *testing.T) {
	explore(t, &program{breaks: 1, name: "two writers", stage: newStage(t, "xY"), crashes: 2, actors: []actor{
		{name: "w1", role: writes("xz"), may: writing, mortal: true},
		{name: "w2", role: writes("xYz"), may: writing, mortal: true},
	}})
}
func TestSimReader(t *testing.T) {
	explore(t, &program{breaks: 1, name: "writer and reader", stage: newStage(t, "xy"), actors: []actor{
		{name: "w1", role: writes("xz", "z"), may: writing},
		{name: "r", role: reads},
	}})
}

func TestSimRandomWriters(t *testing.T) {
	t.Parallel()
	runRandomly(t, manyWriters(t), simRuns(t, 40))
}

func manyWriters(t *testing.T) *randomProgram {
	return &randomProgram{
		program: program{name: "many writers", stage: newStage(t, "xY"), actors: []actor{
			{name: "w1", role: writes("xz", "xZ", "aBc"), may: writing, mortal: true},
			{name: "w2", role: writes("xYz", "z", "aBcD"), may: writing, mortal: true},
			{name: "w3", role: writes("a", "b"), may: writing},
			{name: "r", role: reads, mortal: true},
		}},
		faults: []targettest.Fault{targettest.Fail, targettest.FailAfter, targettest.Hang, targettest.Crash, targettest.CrashAfter},
		lives:  4, steps: 300,
	}
}

// A run is repeated by its seed, in another process too: nothing in it depends on
// chance.
func TestSimRunsAreRepeatedByTheirSeed(t *testing.T) {
	t.Parallel()
	p := manyWriters(t)
	audit := newAuditor(t, p.stage)
	for seed := range uint64(5) {
		var moves [2][]move
		var states [2]digest
		for i := range 2 {
			synctest.Test(t, func(t *testing.T) {
				var err error
				if moves[i], states[i], err = p.run(t, audit, seed); err != nil {
					t.Fatal(err)
				}
			})
		}
		if !slices.Equal(moves[0], moves[1]) || states[0] != states[1] {
			t.Errorf("seed %d: two runs of %d and %d moves", seed, len(moves[0]), len(moves[1]))
		}
	}
}

func TestSimPruneForget(t *testing.T) {
	s := newStage(t).publishBlindly(t, "x", "y", "xy").drop(t, "x", "y")
	explore(t, &program{breaks: 1, name: "prune and forget", stage: s, actors: []actor{
		{name: "p", role: prunes(repo.PruneOptions{}), may: pruning},
		{name: "f", role: forgets("xy"), may: forgetting, forgets: true},
	}})
}

func TestSimWritePrune(t *testing.T) {
	s := newStage(t).publishBlindly(t, "x", "y", "xy").drop(t, "x", "y")
	explore(t, &program{breaks: 1, name: "write and prune", stage: s, actors: []actor{
		{name: "w", role: writes("xz"), may: writing},
		{name: "p", role: prunes(repo.PruneOptions{}), may: pruning},
	}})
}

func TestSimS1(t *testing.T) {
	s := newStage(t, "x").drop(t, "x")
	explore(t, &program{breaks: 1, name: "write and prune", stage: s, actors: []actor{
		{name: "w", role: writes("x"), may: writing},
		{name: "p", role: prunes(repo.PruneOptions{}), may: pruning},
	}})
}
