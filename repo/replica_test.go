package repo_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// replicaFixture is a repository of some snapshots with a replica, and its versions.
func replicaFixture(t *testing.T) (f *fixture, mem, replica *targettest.Memory, m *manifests) {
	t.Helper()
	mem, replica = &targettest.Memory{}, &targettest.Memory{}
	f = newFixtureOn(t, mem)
	m = newManifests()
	for _, v := range []int{0, 3, 17} {
		m.add(f.snapshot(repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{}), v)
	}
	if _, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	return f, mem, replica, m
}

// openWith opens a repository with a replica, and an empty cache.
func openWith(t *testing.T, here target.Target, key repo.Secret, replicas ...repo.Replica) *repo.Repo {
	t.Helper()
	r, err := repo.Open(t.Context(), here, key, repo.Options{CacheDir: t.TempDir(), Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// Whatever pack, delta or manifest is damaged here, and whatever pack is missing, the
// snapshots are read from the replica; and nothing is written by that.
func TestWhatCantBeReadHereIsReadFromTheReplica(t *testing.T) {
	f, mem, replica, versions := replicaFixture(t)
	down := repo.Replica{Name: "down", Open: func(context.Context) (target.Target, error) { return nil, errors.New("it is down") }}
	for name := range mem.Objects() {
		prefix, _, _ := strings.Cut(name, "/")
		if !slices.Contains([]string{"packs", "index", "snapshots"}, prefix) {
			continue
		}
		for _, damage := range []string{"missing", "cut", "flipped"} {
			hurt := mem.Clone()
			switch b := mem.Objects()[name]; damage {
			case "missing":
				if prefix == "snapshots" {
					continue // it was forgotten
				}
				hurt.Set(name, nil)
			case "cut":
				hurt.Set(name, b[:len(b)*2/3])
			case "flipped":
				flip(hurt, name, len(b)/2)
			}
			before := hurt.Clone()
			r := openWith(t, hurt, f.key, down, repo.ReplicaOn("other", replica))
			all, err := r.Snapshots(t.Context(), repo.Filter{})
			if err != nil || len(all) != len(versions.of) {
				t.Fatalf("%s %s: %d snapshots, %v", name, damage, len(all), err)
			}
			for _, m := range all {
				to := filepath.Join(t.TempDir(), "to")
				if _, err := r.Restore(t.Context(), m, repo.RestoreOptions{To: to, NoSync: true}); err != nil {
					t.Errorf("%s %s: %v", name, damage, err)
				}
				for p, file := range rollingTree(versions.of[m.ID]) {
					if b, err := os.ReadFile(filepath.Join(to, p)); err != nil || string(b) != string(file.Data) {
						t.Fatalf("%s %s: %s, %v", name, damage, p, err)
					}
				}
				sameTree(t, r, m, rollingTree(versions.of[m.ID]))
			}
			if served := r.Maintenance().Served(); !(len(served) == 1 && served[0] == name || len(served) == 0 && damage == "missing" && prefix == "index") {
				t.Errorf("%s %s: served %v", name, damage, served)
			}
			sameAs(t, before, hurt)
			report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
			if report.Damaged() != errors.Is(err, repo.ErrDamaged) || !report.Damaged() && !(damage == "missing" && prefix == "index") {
				t.Errorf("%s %s: check is content: %+v, %v", name, damage, report, err)
			}
			r.Close()
		}
	}
}

// A prune relies on nothing that only a replica has: a copy of a chunk that can't be
// read here doesn't count.
func TestAPruneCountsOnNothingThatOnlyAReplicaHas(t *testing.T) {
	f, mem, replica, versions := replicaFixture(t)
	hurt := mem.Clone()
	for name := range mem.Objects() {
		if strings.HasPrefix(name, "snapshots/") {
			flip(hurt, name, 100)
			break
		}
	}
	r := openWith(t, hurt, f.key, repo.ReplicaOn("other", replica))
	if _, err := r.Prune(t.Context(), repo.PruneOptions{MaxUnused: new(1e-9)}); !errors.Is(err, repo.ErrUnreadable) {
		t.Errorf("%v; want ErrUnreadable", err)
	}
	if n := wholeAlone(t, replica, f.key, versions.of); n != 3 {
		t.Errorf("%d snapshots", n)
	}
}

func TestAReplicaCanOnlyBeReadUntilItIsPromoted(t *testing.T) {
	f, _, replica, versions := replicaFixture(t)
	before := replica.Clone()
	r := openWith(t, replica, f.key)
	all, err := r.Snapshots(t.Context(), repo.Filter{})
	if err != nil || len(all) != 3 {
		t.Fatalf("%d snapshots, %v", len(all), err)
	}
	_, taken := r.Snapshot(t.Context(), repo.FromFS(rollingTree(18), "/x"), repo.SnapshotOptions{})
	_, pruned := r.Prune(t.Context(), repo.PruneOptions{})
	_, added := r.Keys().Add(t.Context(), testKey(t), "")
	_, repaired := r.Maintenance().RepairIndex(t.Context())
	for i, err := range []error{taken, pruned, added, repaired, r.Forget(t.Context(), []snapshot.ID{all[0].ID}), r.Keys().Remove(t.Context(), "0")} {
		if err == nil || i < 5 && !errors.Is(err, repo.ErrReplica) {
			t.Errorf("%d: %v; want ErrReplica", i, err)
		}
	}
	r.Close()
	for name, b := range replica.Objects() {
		if string(before.Objects()[name]) != string(b) {
			t.Errorf("%s: it was changed", name)
		}
	}
	// The repository is lost.
	if err := repo.Promote(t.Context(), replica, repo.PromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := repo.Promote(t.Context(), replica, repo.PromoteOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("again: %v", err)
	}
	r = openWith(t, replica, f.key)
	m, err := r.Snapshot(t.Context(), repo.FromFS(rollingTree(18), "/x"), repo.SnapshotOptions{})
	if err != nil || m.Previous != all[2].ID {
		t.Fatalf("%+v, %v", m, err)
	}
	versions.add(m, 18)
	if n := wholeAlone(t, replica, f.key, versions.of); n != 4 {
		t.Errorf("%d snapshots", n)
	}
	// The original is back and leaves the promoted one alone. It can become a replica
	// itself, in another place.
	if _, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the old one replicates to it: %v", err)
	}
	next := &targettest.Memory{}
	if _, err := r.Replicate(t.Context(), next, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	sameAs(t, replica, next)
	// The old one's replication can't tell them apart, and takes nothing away for good.
	report, err := f.Replicate(t.Context(), next, repo.ReplicateOptions{})
	if err != nil || len(report.Unexplained) != 1 || report.RemovedSnapshots != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if n := wholeAlone(t, next, f.key, versions.of); n != 4 {
		t.Errorf("%d snapshots", n)
	}
}

// Either the promotion sees that a replication is under way, or the replication sees the
// promotion.
func TestPromotingAndReplicatingDontPassEachOther(t *testing.T) {
	f, mem, replica, _ := replicaFixture(t)
	f.snapshot(repo.FromFS(rollingTree(30), "/x"), repo.SnapshotOptions{})
	calm := &targettest.Faulty{Memory: replica.Clone()}
	if _, err := repo.ReplicateKeyless(t.Context(), mem, calm, repo.KeylessOptions{}); err != nil {
		t.Fatal(err)
	}
	refused, passed := 0, 0
	for n := 1; n <= calm.Ops(); n++ {
		there := &targettest.Faulty{Memory: replica.Clone()}
		var promoted error
		after := map[string]bool{}
		there.Decide = func(op targettest.Op) targettest.Fault {
			switch {
			case op.N == n:
				promoted = repo.Promote(t.Context(), there.Memory, repo.PromoteOptions{})
			case op.N > n && promoted == nil && op.Method == "put" && !strings.HasPrefix(op.Name, "replicating/"):
				after[op.Name] = true
			}
			return targettest.None
		}
		_, err := repo.ReplicateKeyless(t.Context(), mem, there, repo.KeylessOptions{})
		switch {
		case promoted == nil:
			passed++
			if len(after) > 0 || err == nil && n < calm.Ops() {
				t.Errorf("promoted at operation %d of the replication, which then wrote %v: %v", n, after, err)
			}
		case errors.Is(promoted, repo.ErrReplicating):
			refused++
		default:
			t.Errorf("operation %d: %v", n, promoted)
		}
	}
	if refused == 0 || passed == 0 {
		t.Errorf("%d refused, %d passed: that shows nothing", refused, passed)
	}
}

// A replication whose process is gone is known to have ended, on this machine; of
// another somebody has to say so.
func TestAReplicationThatNeverEndedIsForcedAside(t *testing.T) {
	_, _, replica, _ := replicaFixture(t)
	replica.Set("replicating/"+strings.Repeat("1", 32), []byte("another machine 1 2"))
	if err := repo.Promote(t.Context(), replica, repo.PromoteOptions{}); !errors.Is(err, repo.ErrReplicating) {
		t.Fatalf("%v; want ErrReplicating", err)
	}
	if replica.Objects()["replica"] == nil {
		t.Errorf("it is no replica any more")
	}
	if err := repo.Promote(t.Context(), replica, repo.PromoteOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if n, _ := stored(replica, "replica"); n != 0 {
		t.Errorf("%d objects of a replica are left", n)
	}
}
