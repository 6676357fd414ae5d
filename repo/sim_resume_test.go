package repo_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// In these programs a run is interrupted after it has left a checkpoint, and another
// of the same source goes on from there, while others delete what both rely on. That
// it does is seen at the source: it doesn't read files that its parent doesn't have.

// resumes returns how many files a snapshot has that were not read, though no parent
// has them.
func (w *world) resumes(n news) int {
	if n.source == nil {
		return 0
	}
	if n.snapshot.Parent.IsZero() {
		return n.source.notRead(fstest.MapFS{})
	}
	if tree, ok := w.audit.treeOf(n.snapshot.Parent); ok {
		return n.source.notRead(simTree(tree))
	}
	return 0
}

// resumedFiles counts the files that were taken over from interrupted runs.
func resumedFiles(w *world) int { return w.resumed }

// slowWriter is a writer that takes longer for two directories than between two
// checkpoints.
func slowWriter(name string, trees ...string) actor {
	return actor{name: name, role: writesSlowly(90*time.Second, trees...), may: writing, mortal: true}
}

// interrupt leaves what a run leaves that dies while it reads the last directory of a
// tree, after it has left a checkpoint of the others.
func (s *stage) interrupt(t *testing.T, tree string) *stage {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		f := &targettest.Faulty{Memory: s.mem, Decide: func(targettest.Op) targettest.Fault {
			if dead.Load() {
				return targettest.Crash
			}
			return targettest.None
		}}
		r, err := repo.Open(t.Context(), f, s.key, repo.Options{CacheDir: s.caches, Rand: seeded("interrupted " + tree)})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		ctx, cancel := context.WithCancel(t.Context())
		last := "" // of what is in directories, which comes after what isn't
		for file := range simTree(tree) {
			if strings.Contains(file, "/") {
				last = max(last, file)
			}
		}
		src := newSource(ctx, tree, func(file string) time.Duration {
			if file == last {
				return time.Hour
			}
			return 0
		})
		defer time.AfterFunc(5*time.Minute, func() {
			dead.Store(true)
			cancel()
		}).Stop()
		if _, err := takeSnapshot(ctx, r, src); err == nil {
			t.Fatal("it was not interrupted")
		}
	})
	if count(s.mem, "leases/") != 1 {
		t.Fatalf("%d leases are left", count(s.mem, "leases/"))
	}
	return s
}

// A run dies at any time, and another goes on from its checkpoint. How that goes beside a
// prune that deletes what only the checkpoint needs is to be seen in
// TestSimEveryRunOfGoingOnBesideAHastyPrune.
func TestSimARunDiesAndAnotherGoesOn(t *testing.T) {
	t.Parallel()
	explore(t, &program{name: "die and resume", stage: newStage(t, "X'"), crashes: 1, only: protocol, about: resumedFiles, actors: []actor{
		slowWriter("w1", "XYZ"), writer("w2", "XYZ"),
	}})
}

// What the checkpoint refers to is in packs of files, too.
func TestSimARunGoesOnWithFilesThatAnotherStored(t *testing.T) {
	t.Parallel()
	s := newStage(t, "x").leavePending().interrupt(t, "1xY")
	explore(t, &program{name: "resume files and prune in haste", stage: s, only: protocol, about: resumedFiles, actors: []actor{
		writer("w", "1xY"), hastyPruner("p"),
	}})
}

// Runs that take long die at any time, and others go on, while all that deletes goes on,
// too.
func TestSimRandomInterruptions(t *testing.T) {
	t.Parallel()
	runRandomly(t, interruptions(t), simRuns(t, 40))
}

func interruptions(t *testing.T) *randomProgram {
	s := newStage(t, "X'").leavePending().interrupt(t, "XYZ")
	return &randomProgram{
		program: program{name: "interruptions", stage: s, about: resumedFiles, actors: []actor{
			slowWriter("w1", "XYZ", "aXYZ", "XYZW"), slowWriter("w2", "XYZ", "XY'Z", "bWXY"),
			pruner("p1").dies(), hastyPruner("p2").dies(), forgetter("X'", "XYZ", "XY'Z").dies(), remover().dies(),
			{name: "r", role: reads, mortal: true},
		}},
		faults: allFaults, lives: 5, steps: 600,
	}
}
