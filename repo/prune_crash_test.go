package repo_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// pruneBase is a repository in which some packs are dead, some half so, and many
// small: of four snapshots, two are forgotten.
func pruneBase(t *testing.T, key repo.Secret) (base *targettest.Memory, kept map[snapshot.ID]int) {
	t.Helper()
	base, kept = &targettest.Memory{}, map[snapshot.ID]int{}
	r, err := repo.Init(t.Context(), base, key, crashInit(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for v := range 12 {
		m, err := r.Snapshot(t.Context(), repo.FromFS(rollingTree(3*v), "/x"), repo.SnapshotOptions{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if v == 0 || v > 9 {
			kept[m.ID] = 3 * v
		} else if err := r.Forget(t.Context(), []snapshot.ID{m.ID}); err != nil {
			t.Fatal(err)
		}
	}
	return base, kept
}

func holdsRolling(t *testing.T, tgt *targettest.Memory, key repo.Secret, kept map[snapshot.ID]int) {
	t.Helper()
	r, err := repo.Open(t.Context(), tgt, key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := r.Snapshots(t.Context(), repo.Filter{})
	if err != nil || len(all) != len(kept) {
		t.Fatalf("%d snapshots, %v; want %d", len(all), err, len(kept))
	}
	for _, m := range all {
		sameTree(t, r, m, rollingTree(kept[m.ID]))
	}
}

// A prune dies, or meets a fault, at every operation in turn. All snapshots stay
// whole, and the next prune, days later, ends what it had begun.
func TestAPruneThatDiesAnywhereHarmsNothingAndIsFinishedByTheNext(t *testing.T) {
	key := testKey(t)
	base, kept := pruneBase(t, key)
	prune := func(tgt *targettest.Faulty, later time.Duration) error {
		now := func() time.Time { return time.Now().Add(later) }
		r, err := repo.Open(t.Context(), tgt, key, repo.Options{CacheDir: t.TempDir(), Now: now})
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = r.Prune(t.Context(), repo.PruneOptions{AllowNoSnapshots: true, Workers: 1})
		return err
	}
	calm := &targettest.Faulty{Memory: base.Clone()}
	if err := prune(calm, 0); err != nil {
		t.Fatal(err)
	}
	_, least := stored(calm.Memory, "packs/")
	if calm.Ops() < 60 {
		t.Fatalf("only %d operations", calm.Ops())
	}
	walk := newWalk(t)
	for i, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter, targettest.Fail, targettest.FailAfter} {
		step := 1
		if i > 0 {
			step = 3
		}
		for n := 1 + i%step; n <= calm.Ops(); n += step {
			if !walk.takes() {
				continue
			}
			f := &targettest.Faulty{Memory: base.Clone(), Decide: func(op targettest.Op) targettest.Fault {
				if op.N == n {
					return fault
				}
				return targettest.None
			}}
			err := prune(f, 0)
			if err != nil && !errors.Is(err, targettest.ErrCrash) && !errors.Is(err, targettest.ErrFault) {
				t.Fatalf("fault %d at operation %d: %v", fault, n, err)
			}
			holdsRolling(t, f.Memory, key, kept)
			// Two prunes, a while apart, find that the interrupted one is dead.
			cache := t.TempDir()
			for _, later := range []time.Duration{time.Hour, 48 * time.Hour} {
				r, err := repo.Open(t.Context(), f.Memory, key, repo.Options{CacheDir: cache, Now: func() time.Time { return time.Now().Add(later) }})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := r.Prune(t.Context(), repo.PruneOptions{AllowNoSnapshots: true, Workers: 1}); err != nil {
					t.Fatalf("fault %d at operation %d: the next prune: %v", fault, n, err)
				}
				r.Close()
			}
			holdsRolling(t, f.Memory, key, kept)
			if _, bytes := stored(f.Memory, "packs/"); float64(bytes) > 1.06*float64(least) {
				t.Errorf("fault %d at operation %d: packs take %d bytes in the end, else %d", fault, n, bytes, least)
			}
			for _, prefix := range []string{"leases/", "pending/", "quarantine/"} {
				if count, _ := stored(f.Memory, prefix); count > 0 {
					t.Errorf("fault %d at operation %d: %d objects are left below %s", fault, n, count, prefix)
				}
			}
		}
	}
}

func TestPruneHeedsItsLimits(t *testing.T) {
	key := testKey(t)
	base, _ := pruneBase(t, key)
	run := func(o repo.PruneOptions) (repo.PruneReport, *targettest.Memory) {
		tgt := base.Clone()
		r, err := repo.Open(t.Context(), tgt, key, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		report, err := r.Prune(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return report, tgt
	}
	all, _ := run(repo.PruneOptions{MaxUnused: new(1e-9)})
	if all.Repacked == 0 || all.UnusedBytes != 0 {
		t.Errorf("without limits: %+v", all)
	}
	none, _ := run(repo.PruneOptions{MaxUnused: new(math.Inf(1)), MaxRepack: new(int64(1))})
	if none.Repacked != 0 || none.Removed == 0 || none.UnusedBytes == 0 {
		t.Errorf("with nothing to be written again: %+v", none)
	}
	some, _ := run(repo.PruneOptions{MaxUnused: new(1e-9), MaxRepack: new(all.RepackedBytes / 2)})
	if some.RepackedBytes == 0 || some.RepackedBytes > all.RepackedBytes/2 {
		t.Errorf("with half of it: %+v", some)
	}
	late, _ := run(repo.PruneOptions{MaxUnused: new(1e-9), Budget: new(time.Nanosecond)})
	if late.Repacked != 0 || late.Removed == 0 {
		t.Errorf("with no time: %+v", late)
	}
	dry, tgt := run(repo.PruneOptions{MaxUnused: new(1e-9), DryRun: true})
	if dry.Removed != all.Removed || fmt.Sprint(len(tgt.Objects())) != fmt.Sprint(len(base.Objects())) {
		t.Errorf("dry run: %+v, instead of %+v", dry, all)
	}
}
