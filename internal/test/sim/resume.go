package sim

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

// In programs that resume, a run dies after it has left a checkpoint. Another run of the same
// source resumes from there, while other actors delete what both rely on. The source shows
// that it resumes: it doesn't open files that its parent doesn't have.

// resumes returns how many files a snapshot has that were not read though no parent has them.
func (w *world) resumes(n publication) int {
	if n.source == nil {
		return 0
	}
	if n.snapshot.Parent.IsZero() {
		return n.source.notRead(fstest.MapFS{})
	}
	if tree, ok := w.audit.treeOf(n.snapshot.Parent); ok {
		return n.source.notRead(treeNamed(tree))
	}
	return 0
}

// leaveInterrupted leaves the objects of a run that dies while it reads the last directory of
// a tree, after it has left a checkpoint of the others.
func (s *stage) leaveDeadRun(t *testing.T, tree string) *stage {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		f := &targettest.Faulty{Memory: s.mem, Decide: func(targettest.Op) targettest.Fault {
			if dead.Load() {
				return targettest.Crash
			}
			return targettest.None
		}}
		r, err := repo.Open(t.Context(), f, s.key, repo.Options{CacheDir: s.cacheRoot, Rand: seeded("interrupted " + tree)})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		ctx, cancel := context.WithCancel(t.Context())
		last := "" // in a directory; files at the root are read before
		for file := range treeNamed(tree) {
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
			t.Fatal("the run did not die")
		}
	})
	if count(s.mem, "leases/") != 1 {
		t.Fatalf("%d leases are left", count(s.mem, "leases/"))
	}
	return s
}
