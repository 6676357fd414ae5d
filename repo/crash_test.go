package repo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// crashInit are options with which a small tree takes several packs and deltas.
func crashInit(cache string) repo.InitOptions {
	return repo.InitOptions{
		Options:  repo.Options{CacheDir: cache},
		PackSize: 1 << 20,
		Chunks:   chunk.Params{Polynomial: 0x3DA3358B4DC173, Min: 16 << 10, Max: 128 << 10, Bits: 15, Whole: 64 << 10},
	}
}

// crashTree is version v of a tree.
func crashTree(v int) fstest.MapFS {
	files := fstest.MapFS{}
	for i := range 8 {
		seed := uint64(i)
		if i%3 == v%3 {
			seed = uint64(100*v + i)
		}
		files[fmt.Sprintf("d%d/f%d", i%2, i)] = &fstest.MapFile{Data: randomBytes(seed, 400_000+90_000*i), Mode: 0o644, ModTime: time.Unix(int64(seed)+1e9, 0)}
	}
	return files
}

// sameTree fails the test unless a snapshot holds just those files.
func sameTree(t *testing.T, r *repo.Repo, m *snapshot.Manifest, want fstest.MapFS) {
	t.Helper()
	fsys := r.View(m).FS(context.Background())
	got := map[string]bool{}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, p)
		if err == nil && (want[p] == nil || !bytes.Equal(b, want[p].Data)) {
			err = fmt.Errorf("%s: other bytes", p)
		}
		got[p] = true
		return err
	})
	if err != nil || len(got) != len(want) {
		t.Errorf("snapshot %s: %d files, %v; want %d", m.ID.Short(), len(got), err, len(want))
	}
}

// A model is what a repository must hold: the version that each published snapshot
// is of.
type model map[snapshot.ID]int

// holds fails the test unless a reopened repository has the snapshots of the model,
// whole, and besides at most one more, of version maybe, whole too.
func (want model) holds(t *testing.T, mem *targettest.Memory, key repo.Secret, maybe int, torn bool) {
	t.Helper()
	r, err := repo.Open(context.Background(), mem, key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := r.Snapshots(context.Background(), repo.Filter{})
	if err != nil && !torn {
		t.Fatal(err)
	}
	left := maps.Clone(want)
	for _, m := range all {
		v, ok := left[m.ID]
		if !ok {
			v = maybe
		}
		delete(left, m.ID)
		sameTree(t, r, m, crashTree(v))
	}
	if len(left) > 0 || len(all) > len(want)+1 {
		t.Errorf("%d snapshots, %d are missing; want %d", len(all), len(left), len(want))
	}
	report, err := r.Check(context.Background(), repo.CheckOptions{ReadData: true})
	if err != nil && !errors.Is(err, repo.ErrDamaged) {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		// A torn object that no other object refers to is reported, and does no harm.
		if f.IsDamage() && (!torn || f.Total > 0) {
			t.Errorf("check: %+v", f)
		}
	}
}

// The process dies at every operation on the target in turn, before it, after it,
// or with half of an object stored. Afterwards every published snapshot is whole,
// and the next run needs no help.
func TestACrashAtAnyOperationHarmsNothing(t *testing.T) {
	key := testKey(t)
	base := &targettest.Memory{}
	cache := t.TempDir()
	r, err := repo.Init(t.Context(), base, key, crashInit(cache))
	if err != nil {
		t.Fatal(err)
	}
	first, err := r.Snapshot(t.Context(), repo.FromFS(crashTree(0), "/x"), repo.SnapshotOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	published := model{first.ID: 0}

	run := func(f *targettest.Faulty, cache string) (*snapshot.Manifest, error) {
		r, err := repo.Open(t.Context(), f, key, repo.Options{CacheDir: cache})
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return r.Snapshot(t.Context(), repo.FromFS(crashTree(1), "/x"), repo.SnapshotOptions{Workers: 1})
	}
	calm := &targettest.Faulty{Memory: base.Clone()}
	if _, err := run(calm, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if calm.Ops() < 10 {
		t.Fatalf("only %d operations", calm.Ops())
	}
	walk := newWalk(t)
	for _, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter, targettest.CrashTear} {
		for n := 1; n <= calm.Ops(); n++ {
			if !walk.takes() {
				continue
			}
			t.Run(fmt.Sprintf("fault %d at operation %d", fault, n), func(t *testing.T) {
				var hit targettest.Op
				f := &targettest.Faulty{Memory: base.Clone(), Decide: func(op targettest.Op) targettest.Fault {
					if op.N != n {
						return targettest.None
					}
					hit = op
					return fault
				}}
				crashedCache := t.TempDir()
				published := maps.Clone(published)
				switch m, err := run(f, crashedCache); {
				case err == nil && hit.Method == "delete": // of the pending manifest or the lease: it is published
					published[m.ID] = 1
				case err == nil || m != nil:
					t.Fatalf("%v, %v; want a crash", m, err)
				}
				torn := fault == targettest.CrashTear && hit.Method == "put"
				published.holds(t, f.Memory, key, 1, torn)

				// The next run, on what the crash left, with the crashed run's cache.
				next, err := run(&targettest.Faulty{Memory: f.Memory}, crashedCache)
				if err != nil {
					t.Fatal(err)
				}
				more := maps.Clone(published)
				more[next.ID] = 1
				more.holds(t, f.Memory, key, 1, torn)
			})
		}
	}
}

// One operation fails, with or without effect, and the process lives on.
func TestAFailedOperationFailsTheSnapshotOnly(t *testing.T) {
	key := testKey(t)
	base := &targettest.Memory{}
	r, err := repo.Init(t.Context(), base, key, crashInit(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	walk := newWalk(t)
	for _, fault := range []targettest.Fault{targettest.Fail, targettest.FailAfter, targettest.Hang} {
		for n, done := 1, false; !done; n++ {
			if !walk.takes() {
				continue
			}
			f := &targettest.Faulty{Memory: base.Clone()}
			r, err := repo.Open(t.Context(), f, key, repo.Options{CacheDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			opened := f.Ops()
			done = true
			tidying := false
			f.Decide = func(op targettest.Op) targettest.Fault {
				if op.N != opened+n {
					return targettest.None
				}
				done, tidying = false, op.Method == "delete" // of the pending manifest or the lease
				if fault == targettest.Hang {
					cancel()
				}
				return fault
			}
			m, err := r.Snapshot(ctx, repo.FromFS(crashTree(1), "/x"), repo.SnapshotOptions{Workers: 1})
			cancel()
			want := targettest.ErrFault
			if fault == targettest.Hang {
				want = context.Canceled
			}
			if (done || tidying) != (err == nil) || err != nil && !errors.Is(err, want) {
				t.Fatalf("fault %d at operation %d: %v, %v", fault, n, m, err)
			}
			f.Decide = nil
			again, err := r.Snapshot(t.Context(), repo.FromFS(crashTree(1), "/x"), repo.SnapshotOptions{Workers: 1})
			if err != nil {
				t.Fatalf("fault %d at operation %d: the next snapshot: %v", fault, n, err)
			}
			published := model{again.ID: 1}
			if m != nil {
				published[m.ID] = 1
			}
			r.Close()
			published.holds(t, f.Memory, key, 1, false)
		}
	}
}

// Making a repository may crash anywhere, and can simply be done again.
func TestACrashWhileMakingARepositoryLeavesNoneOrAWholeOne(t *testing.T) {
	key := testKey(t)
	for _, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter} {
		for n, done := 1, false; !done; n++ {
			done = true
			f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(op targettest.Op) targettest.Fault {
				if op.N != n {
					return targettest.None
				}
				done = false
				return fault
			}}
			if r, err := repo.Init(t.Context(), f, key, crashInit(t.TempDir())); err == nil {
				r.Close()
			}
			r, err := repo.Open(t.Context(), f.Memory, key, repo.Options{CacheDir: t.TempDir()})
			if errors.Is(err, repo.ErrNoRepository) {
				r, err = repo.Init(t.Context(), f.Memory, key, crashInit(t.TempDir()))
			}
			if err != nil {
				t.Fatalf("fault %d at operation %d: %v", fault, n, err)
			}
			m, err := r.Snapshot(t.Context(), repo.FromFS(crashTree(0), "/x"), repo.SnapshotOptions{})
			if err != nil {
				t.Fatalf("fault %d at operation %d: %v", fault, n, err)
			}
			sameTree(t, r, m, crashTree(0))
			r.Close()
		}
	}
}
