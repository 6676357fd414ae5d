package repo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// These tests make runs of several actors on one repository and check what is promised
// after each change: by an explorer, with at most some interruptions of actors or all
// of them; as one story; or at random. They print how a run that broke a promise went.
//
//	QSNAP_WALKS=whole            do all of this, and not a part: see walk_test.go
//	QSNAP_SIM_INTERRUPTIONS=3    explore with so many interruptions, or all
//	QSNAP_SIM_RUNS=1000          make so many random runs
//	QSNAP_SIM_SEED=17            make one random run, as it was reported

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// The actors of most programs.
func writer(name string, trees ...string) actor {
	return actor{name: name, role: writes(trees...), may: writing}
}

func pruner(name string) actor {
	return actor{name: name, role: prunes(repo.PruneOptions{}), may: pruning}
}

func forgetter(trees ...string) actor {
	return actor{name: "f", role: forgets(trees...), may: forgetting, forgets: true}
}

// hastyPruner is a pruner that soon takes everybody for dead: its clock runs on by more
// than a day whenever it looks at it.
func hastyPruner(name string) actor {
	a := pruner(name)
	a.rush = 25 * time.Hour
	return a
}

// protocol is what matters to the protocol of deleting.
var protocol = footprint{
	"list pending/", "put pending/", "delete pending/", "list snapshots/", "put snapshots/", "delete snapshots/", "get snapshots/",
	"list quarantine/", "put quarantine/", "delete quarantine/", "list packs/", "put packs/", "delete packs/", "stat packs/",
}

func remover() actor { return actor{name: "u", role: removesLeases, may: unleasing} }

func (a actor) named(name string) actor {
	a.name = name
	return a
}

func (a actor) dies() actor {
	a.mortal = true
	return a
}

func TestSimTwoWriters(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "two writers", stage: newStage(t, "xy"), breaks: 2, actors: []actor{
		writer("w1", "xz"), writer("w2", "xyz"),
	}})
}

func TestSimAWriterDiesAndAnotherGoesOn(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "a writer dies", stage: newStage(t, "xY"), breaks: 1, crashes: 1, actors: []actor{
		writer("w1", "xz").dies(), writer("w2", "xYz"),
	}})
}

func TestSimAReaderBesideAWriter(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "writer and reader", stage: newStage(t, "xy"), breaks: everyRun, actors: []actor{
		writer("w1", "xz", "z"),
		{name: "r", role: reads},
	}})
}

// What nothing needs any more is needed again by a writer, while a prune is about to
// delete it.
func TestSimAWriterNeedsWhatIsAboutToGo(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "write and prune", stage: newStage(t, "x").forget(t, "x"), breaks: 1, actors: []actor{
		writer("w", "x"), pruner("p"),
	}})
}

// The same, but somebody removes the leases: that is never a matter of safety. Nor is
// that a prune takes the writer for dead, as in TestSimEveryRunOfAWriterAndAHastyPrune.
func TestSimLeasesAreNoSafety(t *testing.T) {
	t.Parallel()
	s := newStage(t, "x").forget(t, "x")
	explore(t, &program{name: "write and prune without leases", stage: s, breaks: 1, only: append(slices.Clip(protocol), "put leases/", "list leases/", "delete leases/"), actors: []actor{
		writer("w", "x"), pruner("p"), remover(),
	}})
}

// The parent is forgotten and its data deleted, while a writer builds on it.
func TestSimAWriterBuildsOnWhatIsForgotten(t *testing.T) {
	t.Parallel()
	s := newStage(t, "xY")
	explore(t, &program{name: "write, forget and prune", stage: s, breaks: 1, actors: []actor{
		writer("w", "xYz"), pruner("p"), forgetter("xY"),
	}})
	stays := actor{name: "w", role: staysAndWrites("xYz"), may: writing}
	explore(t, &program{name: "stay, forget and prune", stage: s, breaks: 1, only: protocol, actors: []actor{
		stays, hastyPruner("p"), forgetter("xY"),
	}})
	s = newStage(t, "xY").leavePending()
	explore(t, &program{name: "stay, forget and prune after a crash", stage: s, breaks: 1, only: protocol, actors: []actor{
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
func TestSimTwoPrunes(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "two prunes", stage: halfDead(t), breaks: 1, only: protocol, actors: []actor{hastyPruner("p1"), hastyPruner("p2"), remover()}})
}

func TestSimAReaderBesideAPrune(t *testing.T) {
	t.Parallel()
	s := newStage(t).publishBlindly(t, "x", "y", "xy").forget(t, "x", "y")
	explore(t, &program{name: "read and prune", stage: s, breaks: 2, actors: []actor{
		pruner("p"), {name: "r", role: reads},
	}})
}

func TestSimForgetBesideAPrune(t *testing.T) {
	t.Parallel()
	s := newStage(t).publishBlindly(t, "x", "y", "xy").forget(t, "x", "y")
	explore(t, &program{name: "forget and prune", stage: s, breaks: everyRun, actors: []actor{pruner("p"), forgetter("xy")}})
}

func TestSimAPruneDiesAndAnotherGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t).publishBlindly(t, "x", "xy").forget(t, "x")
	explore(t, &program{name: "a prune dies", stage: s, crashes: 1, actors: []actor{
		pruner("p1").dies(), pruner("p2"),
	}})
}

func TestSimRandomWriters(t *testing.T) {
	t.Parallel()
	runRandomly(t, manyWriters(t), simRuns(t, 40))
}

func manyWriters(t *testing.T) *randomProgram {
	return &randomProgram{
		program: program{name: "many writers", stage: newStage(t, "xY"), actors: []actor{
			writer("w1", "xz", "xZ", "aBc").dies(), writer("w2", "xYz", "z", "aBcD").dies(), writer("w3", "a", "b"),
			{name: "r", role: reads, mortal: true},
		}},
		faults: allFaults, lives: 4, steps: 300,
	}
}

var allFaults = []targettest.Fault{targettest.Fail, targettest.FailAfter, targettest.Hang, targettest.Crash, targettest.CrashAfter}

func TestSimRandomEverything(t *testing.T) {
	t.Parallel()
	runRandomly(t, everything(t), simRuns(t, 60))
}

func everything(t *testing.T) *randomProgram {
	s := newStage(t, "xY").publishBlindly(t, "x", "xy", "Yz")
	return &randomProgram{
		program: program{name: "everything", stage: s, actors: []actor{
			writer("w1", "xz", "xYZ", "aBc").dies(), writer("w2", "xYz", "x", "aBcD"),
			pruner("p1").dies(), pruner("p2").dies(), forgetter("x", "xy", "xz").dies(), remover().dies(),
			{name: "r", role: reads, mortal: true}, {name: "c", role: checks, may: leasing, mortal: true},
			{name: "e", role: relists(2), may: relisting, mortal: true}, {name: "b", role: undeletes("xy"), may: writing, mortal: true},
		}},
		faults: allFaults, lives: 5, steps: 700,
	}
}

// A target that breaks its contract leaves half of an object under its name. What comes
// of it may fail, and space may be lost until somebody mends it; but what was reported
// as published is whole.
func TestSimRandomTornWrites(t *testing.T) {
	t.Parallel()
	p := everything(t)
	p.name, p.torn, p.about = "torn writes", true, tornObjects
	p.faults = []targettest.Fault{targettest.Tear, targettest.CrashTear, targettest.CrashAfter}
	runRandomly(t, p, simRuns(t, 30))
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
func TestSimRunsAreRepeatedByTheirSeed(t *testing.T) {
	t.Parallel()
	for _, p := range []*randomProgram{manyWriters(t), everything(t), interruptions(t)} {
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
