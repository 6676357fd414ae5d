package repo_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// fullTrees returns two sources that share some files.
func fullTrees() (x, y fstest.MapFS) {
	x, y = fstest.MapFS{}, fstest.MapFS{}
	for i := range 12 {
		f := &fstest.MapFile{Data: randomBytes(uint64(i), 90_000), Mode: 0o644, ModTime: time.Unix(1e9, 0)}
		x[fmt.Sprintf("d%d/f%d", i%3, i)] = f
		if i%2 == 0 {
			y[fmt.Sprintf("shared%d", i)] = f
		}
	}
	y["own"] = &fstest.MapFile{Data: randomBytes(99, 90_000), Mode: 0o644, ModTime: time.Unix(1e9, 0)}
	return x, y
}

// damagedBase is a repository of two sources, all packs of one of which are damaged: the first
// is missing, and the others have a flipped bit.
func damagedBase(t *testing.T, key repo.Secret) *targettest.Memory {
	t.Helper()
	base := &targettest.Memory{}
	r, err := repo.Init(t.Context(), base, key, crashInit(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x, y := fullTrees()
	if _, err := r.Snapshot(t.Context(), repo.FromFS(x, "/x"), repo.SnapshotOptions{Workers: 1}); err != nil {
		t.Fatal(err)
	}
	damaged := false
	for name, b := range base.Objects() {
		switch {
		case !strings.HasPrefix(name, "packs/"):
		case !damaged:
			defer base.Set(name, nil)
			damaged = true
		default:
			b = bytes.Clone(b)
			b[len(b)/3] ^= 1
			defer base.Set(name, b)
		}
	}
	if _, err := r.Snapshot(t.Context(), repo.FromFS(y, "/y"), repo.SnapshotOptions{Workers: 1}); err != nil {
		t.Fatal(err)
	}
	return base
}

// full takes a full snapshot of the damaged source, some time later.
func full(t *testing.T, on *targettest.Faulty, key repo.Secret, later time.Duration) error {
	t.Helper()
	r, err := repo.Open(t.Context(), on, key, repo.Options{CacheDir: t.TempDir(), Now: func() time.Time { return time.Now().Add(later) }})
	if err != nil {
		return err
	}
	defer r.Close()
	x, _ := fullTrees()
	_, err = r.Snapshot(t.Context(), repo.FromFS(x, "/x"), repo.SnapshotOptions{Workers: 1, Level: snapshot.LevelFull})
	return err
}

// holdsBoth fails unless both sources restore from every snapshot.
func holdsBoth(t *testing.T, r *repo.Repo) {
	t.Helper()
	all, err := r.Snapshots(t.Context(), repo.Filter{})
	if err != nil || len(all) < 2 {
		t.Fatalf("%d snapshots, %v", len(all), err)
	}
	x, y := fullTrees()
	for _, m := range all {
		want := x
		if m.Paths[0] == "/y" {
			want = y
		}
		sameTree(t, r, m, want)
	}
}

// A full snapshot that heals dies, or meets a fault, at every operation in turn. What was
// whole stays whole, and the next full one heals all.
func TestAHealingSnapshotThatDiesAnywhereHarmsNothing(t *testing.T) {
	key := testKey(t)
	base := damagedBase(t, key)
	calm := &targettest.Faulty{Memory: base.Clone()}
	if err := full(t, calm, key, 0); err != nil {
		t.Fatal(err)
	}
	if calm.Ops() < 40 {
		t.Fatalf("only %d operations", calm.Ops())
	}
	walk := newWalk(t)
	for _, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter, targettest.Fail, targettest.FailAfter} {
		for n := 1; n <= calm.Ops(); n++ {
			if !walk.takes() {
				continue
			}
			what := fmt.Sprintf("fault %d at operation %d", fault, n)
			f := &targettest.Faulty{Memory: base.Clone(), Decide: func(op targettest.Op) targettest.Fault {
				if op.N == n {
					return fault
				}
				return targettest.None
			}}
			published := full(t, f, key, 0)
			if err := published; err != nil && !errors.Is(err, targettest.ErrCrash) && !errors.Is(err, targettest.ErrFault) {
				t.Fatalf("%s: %v", what, err)
			}
			cache := t.TempDir()
			r, err := repo.Open(t.Context(), f.Memory, key, repo.Options{CacheDir: cache, Now: func() time.Time { return time.Now().Add(48 * time.Hour) }})
			if err != nil {
				t.Fatal(err)
			}
			if published == nil {
				holdsBoth(t, r)
			}
			if err := full(t, &targettest.Faulty{Memory: f.Memory}, key, time.Hour); err != nil {
				t.Fatalf("%s: the next full one: %v", what, err)
			}
			holdsBoth(t, r)
			if _, err := r.Prune(t.Context(), repo.PruneOptions{Workers: 1}); err != nil {
				t.Fatalf("%s: the prune after it: %v", what, err)
			}
			holdsBoth(t, r)
			if report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true}); err != nil {
				t.Fatalf("%s: %v: %+v", what, err, report.Findings)
			}
			r.Close()
		}
	}
}

// Two full snapshots at once find the same damage, and heal it.
func TestTwoFullSnapshotsAtOnceHealTheSameDamage(t *testing.T) {
	key := testKey(t)
	mem := damagedBase(t, key)
	var group sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		group.Go(func() { errs[i] = full(t, &targettest.Faulty{Memory: mem}, key, 0) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if err := full(t, &targettest.Faulty{Memory: mem}, key, time.Hour); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), mem, key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	holdsBoth(t, r)
	if report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true}); err != nil {
		t.Fatalf("%v: %+v", err, report.Findings)
	}
}

// A full snapshot verifies and uses the packs of an interrupted run.
func TestAFullSnapshotUsesWhatAnInterruptedRunHasStored(t *testing.T) {
	key := testKey(t)
	mem := &targettest.Memory{}
	r, err := repo.Init(t.Context(), mem, key, crashInit(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	dies := &targettest.Faulty{Memory: mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "put" && strings.HasPrefix(op.Name, "index/") {
			return targettest.Crash
		}
		return targettest.None
	}}
	if err := full(t, dies, key, 0); !errors.Is(err, targettest.ErrCrash) {
		t.Fatal(err)
	}
	before, _ := stored(mem, "packs/")
	if err := full(t, &targettest.Faulty{Memory: mem}, key, time.Minute); err != nil {
		t.Fatal(err)
	}
	if after, _ := stored(mem, "packs/"); before == 0 || after != before {
		t.Errorf("%d packs, and then %d", before, after)
	}
}
