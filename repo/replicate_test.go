package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// replicated are the prefixes of what a replica has of its repository.
var replicated = []string{"config", "keys/", "packs/", "index/", "snapshots/", "forgotten/", "marks/", "losses/", "epochs/"}

// sameAs fails the test unless a replica has just the objects of its repository.
func sameAs(t *testing.T, here, there *targettest.Memory) {
	t.Helper()
	a, b := replicatedOf(here), replicatedOf(there)
	for name := range a {
		if string(a[name]) != string(b[name]) {
			t.Errorf("%s: not the same on the replica", name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			t.Errorf("%s: only on the replica", name)
		}
	}
}

func replicatedOf(m *targettest.Memory) map[string][]byte {
	out := m.Objects()
	maps.DeleteFunc(out, func(name string, _ []byte) bool {
		for _, prefix := range replicated {
			if strings.HasPrefix(name, prefix) {
				return false
			}
		}
		return true
	})
	return out
}

// wholeAlone fails the test unless what is on a replica is a repository by itself, all
// of whose snapshots are whole and known. It returns how many there are.
func wholeAlone(t *testing.T, replica *targettest.Memory, key repo.Secret, versions map[snapshot.ID]int) int {
	t.Helper()
	r, err := repo.Open(t.Context(), replica, key, repo.Options{CacheDir: t.TempDir()})
	if errors.Is(err, repo.ErrNoRepository) || errors.Is(err, repo.ErrWrongSecret) {
		// It has neither config nor keys yet, and so nothing else.
		if n, _ := stored(replica, "snapshots/"); n > 0 {
			t.Errorf("%d snapshots, and it can't be opened: %v", n, err)
		}
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := r.Snapshots(t.Context(), repo.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		v, known := versions[m.ID]
		if !known {
			t.Fatalf("snapshot %s: nobody made it", m.ID.Short())
		}
		sameTree(t, r, m, rollingTree(v))
	}
	report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
	if err != nil && !errors.Is(err, repo.ErrDamaged) {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.IsDamage() && f.Kind != repo.FindingBadConfig { // one of its copies is not there yet
			t.Errorf("check: %+v", f)
		}
	}
	return len(all)
}

// replicate opens the repository again and replicates it.
func replicate(ctx context.Context, from, to target.Target, key repo.Secret, cache string) (repo.ReplicateReport, error) {
	r, err := repo.Open(ctx, from, key, repo.Options{CacheDir: cache})
	if err != nil {
		return repo.ReplicateReport{}, err
	}
	defer r.Close()
	return r.Replicate(ctx, to, repo.ReplicateOptions{})
}

func TestAReplicaFollowsItsRepository(t *testing.T) {
	mem, replica := &targettest.Memory{}, &targettest.Memory{}
	f := newFixtureOn(t, mem)
	versions := map[snapshot.ID]int{}
	var ids []snapshot.ID
	for v := range 4 {
		m := f.snapshot(repo.FromFS(rollingTree(9*v), "/x"), repo.SnapshotOptions{})
		versions[m.ID] = 9 * v
		ids = append(ids, m.ID)
		report, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{})
		if err != nil || report.Snapshots != 1 || report.Packs == 0 {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	sameAs(t, mem, replica)
	if _, err := f.Keys().Add(t.Context(), testKey(t), "second"); err != nil {
		t.Fatal(err)
	}
	if err := f.Catalog().Pin(t.Context(), ids[3], time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Forget(t.Context(), []snapshot.ID{ids[0], ids[1]}); err != nil {
		t.Fatal(err)
	}
	report, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{})
	if err != nil || report.RemovedSnapshots != 2 || report.RemovedPacks != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	sameAs(t, mem, replica)
	if n := wholeAlone(t, replica, f.key, versions); n != 2 {
		t.Errorf("%d snapshots", n)
	}
	f.prune(repo.PruneOptions{MaxUnused: new(1e-9)})
	report, err = f.Replicate(t.Context(), replica, repo.ReplicateOptions{})
	if err != nil || report.RemovedPacks == 0 || report.Kept != nil {
		t.Fatalf("%+v, %v", report, err)
	}
	sameAs(t, mem, replica)
	if n := wholeAlone(t, replica, f.key, versions); n != 2 {
		t.Errorf("%d snapshots", n)
	}
	if report, err = f.Replicate(t.Context(), replica, repo.ReplicateOptions{}); err != nil || report.Objects+report.RemovedObjects != 0 {
		t.Errorf("again: %+v, %v", report, err)
	}
}

// A replication dies, or meets a fault, at every operation on either target in turn.
// At any moment the replica by itself has only whole snapshots, and none that the
// repository has and it had before is lost; the next replication completes it.
func TestAReplicationThatDiesAnywhereLeavesAReplicaOfWholeSnapshots(t *testing.T) {
	key := testKey(t)
	base := &targettest.Memory{}
	r, err := repo.Init(t.Context(), base, key, crashInit(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	versions := map[snapshot.ID]int{}
	var ids []snapshot.ID
	take := func(v int) {
		m, err := r.Snapshot(t.Context(), repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		versions[m.ID] = v
		ids = append(ids, m.ID)
	}
	take(0)
	take(20)
	take(33)
	empty, first, behind := &targettest.Memory{}, base.Clone(), &targettest.Memory{}
	if _, err := replicate(t.Context(), first, behind, key, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	// Much is new since, and much is gone.
	take(50)
	if _, err := r.Prune(t.Context(), repo.PruneOptions{MaxUnused: new(1e-9), Workers: 1}); err != nil {
		t.Fatal(err)
	}
	if err := r.Forget(t.Context(), []snapshot.ID{ids[0], ids[2]}); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.ReplicateKeyless(t.Context(), base, behind, repo.KeylessOptions{}); err != nil { // as by who has no key
		t.Fatal(err)
	}
	if _, err := r.Prune(t.Context(), repo.PruneOptions{MaxUnused: new(1e-9), Workers: 1}); err != nil {
		t.Fatal(err)
	}
	take(57)
	for _, start := range []struct {
		name string
		from *targettest.Memory
		to   *targettest.Memory
		had  int
	}{{"new", base, empty, 0}, {"behind", base, behind, 2}} {
		t.Run(start.name, func(t *testing.T) { crashReplication(t, key, start.from, start.to, start.had, versions) })
	}
}

func crashReplication(t *testing.T, key repo.Secret, from, to *targettest.Memory, had int, versions map[snapshot.ID]int) {
	calm := [2]*targettest.Faulty{{Memory: from.Clone()}, {Memory: to.Clone()}}
	report, err := replicate(t.Context(), calm[0], calm[1], key, t.TempDir())
	if err != nil || had > 0 && (report.RemovedPacks == 0 || report.RemovedSnapshots == 0 || report.Packs == 0) {
		t.Fatalf("%+v, %v", report, err)
	}
	sameAs(t, from, calm[1].Memory)
	walk := newWalk(t)
	for side := range calm {
		for _, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter, targettest.Fail, targettest.FailAfter} {
			step := 3
			if side == 0 {
				step = 17 // it is only read
			}
			for n := 1; n <= calm[side].Ops(); n += step {
				if !walk.takes() {
					continue
				}
				both := [2]*targettest.Faulty{{Memory: from.Clone()}, {Memory: to.Clone()}}
				var hit targettest.Op
				var dead atomic.Bool // both are asked at the same time
				both[side].Decide = func(op targettest.Op) targettest.Fault {
					if dead.Load() {
						return targettest.Crash
					}
					if op.N != n {
						return targettest.None
					}
					hit = op
					dead.Store(fault >= targettest.Crash)
					return fault
				}
				both[1-side].Decide = func(targettest.Op) targettest.Fault {
					if dead.Load() {
						return targettest.Crash
					}
					return targettest.None
				}
				_, err := replicate(t.Context(), both[0], both[1], key, t.TempDir())
				what := fmt.Sprintf("side %d, fault %d at operation %d, %v", side, fault, n, hit)
				survived := hit.Method == "delete" || hit.Method == "put" || hit.Method == "get" && hit.Name == "config" // which has a copy
				if err == nil && hit.Method != "" && !survived {
					t.Errorf("%s: nobody was told", what)
				}
				sameAs(t, from, both[0].Memory)
				if n := wholeAlone(t, both[1].Memory, key, versions); n < had {
					t.Errorf("%s: %d snapshots are left of %d", what, n, had)
				}
				if _, err := replicate(t.Context(), both[0].Memory, both[1].Memory, key, t.TempDir()); err != nil {
					t.Errorf("%s: the next replication: %v", what, err)
				}
				sameAs(t, from, both[1].Memory)
				if t.Failed() {
					t.Fatalf("%s", what)
				}
			}
		}
	}
}

// Objects that are lost here stay on the replica, of whatever kind, and so do the objects
// that are needed to repair them. A damaged object doesn't replace a whole one there.
func TestWhatIsLostHereStaysOnTheReplica(t *testing.T) {
	mem, replica := &targettest.Memory{}, &targettest.Memory{}
	f := newFixtureOn(t, mem)
	versions := map[snapshot.ID]int{}
	for _, v := range []int{0, 3, 17} {
		versions[f.snapshot(repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{}).ID] = v
	}
	if _, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	for name := range replicatedOf(mem) {
		for _, damage := range []string{"missing", "cut", "flipped"} {
			hurt, there := mem.Clone(), replica.Clone()
			switch b := mem.Objects()[name]; damage {
			case "missing":
				hurt.Set(name, nil)
			case "cut":
				hurt.Set(name, b[:len(b)-1])
			case "flipped":
				flip(hurt, name, len(b)/2)
			}
			_, err := replicate(t.Context(), hurt, there, f.key, t.TempDir())
			if err != nil && !strings.HasPrefix(name, "keys/") {
				t.Errorf("%s %s: %v", name, damage, err)
			}
			sameAs(t, mem, there)
			wholeAlone(t, there, f.key, versions)
			if t.Failed() {
				t.Fatalf("%s %s", name, damage)
			}
		}
	}
	// All at once.
	for _, prefix := range []string{"packs/", "index/", "snapshots/"} {
		hurt := mem.Clone()
		for name := range mem.Objects() {
			if strings.HasPrefix(name, prefix) {
				hurt.Set(name, nil)
			}
		}
		if _, err := replicate(t.Context(), hurt, replica, f.key, t.TempDir()); err != nil {
			t.Errorf("%s: %v", prefix, err)
		}
		sameAs(t, mem, replica)
	}
}

func TestSnapshotsThatAreGoneWithoutARecordAreKeptAndTold(t *testing.T) {
	mem, replica := &targettest.Memory{}, &targettest.Memory{}
	f := newFixtureOn(t, mem)
	var ids []snapshot.ID
	for v := range 5 {
		ids = append(ids, f.snapshot(repo.FromFS(rollingTree(7*v), "/x"), repo.SnapshotOptions{}).ID)
	}
	if _, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	// Forgotten and pruned behind the replica's back: of the last a record stays.
	if err := f.Forget(t.Context(), []snapshot.ID{ids[0], ids[1]}); err != nil {
		t.Fatal(err)
	}
	f.prune(repo.PruneOptions{})
	report, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{})
	if err != nil || report.RemovedSnapshots != 1 || len(report.Unexplained) != 1 || report.Unexplained[0] != ids[0] {
		t.Fatalf("%+v, %v", report, err)
	}
	// One is lost: a later one follows it.
	hurt := mem.Clone()
	hurt.Set("snapshots/"+ids[3].String(), nil)
	r, err := repo.Open(t.Context(), hurt, f.key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Replicate(t.Context(), replica.Clone(), repo.ReplicateOptions{DeleteUnexplained: true}); !errors.Is(err, repo.ErrLookLost) {
		t.Errorf("one is lost: %v", err)
	}
	report, err = f.Replicate(t.Context(), replica, repo.ReplicateOptions{DeleteUnexplained: true})
	if err != nil || report.RemovedSnapshots != 1 || len(report.Unexplained) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	sameAs(t, mem, replica)
}

func TestAReplicaOfAnotherRepositoryIsLeftAlone(t *testing.T) {
	f, other := newFixture(t), newFixture(t)
	replica := &targettest.Memory{}
	if _, err := other.Replicate(t.Context(), replica, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	before := replica.Clone()
	for _, to := range []target.Target{replica, other.target} {
		if _, err := f.Replicate(t.Context(), to, repo.ReplicateOptions{}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%v; want fs.ErrExist", err)
		}
	}
	sameAs(t, before, replica)
	if _, err := f.Replicate(t.Context(), f.target, repo.ReplicateOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("on itself: %v; want fs.ErrExist", err)
	}
}

// manifests are snapshots, and the versions that they are of.
type manifests struct {
	of  map[snapshot.ID]int
	ids []snapshot.ID
}

func newManifests() *manifests { return &manifests{of: map[snapshot.ID]int{}} }

func (m *manifests) add(s *snapshot.Manifest, version int) {
	m.of[s.ID] = version
	m.ids = append(m.ids, s.ID)
}

// The phases of a replication and a comparison are those that are documented.
func TestProgressOfReplicasNamesItsPhases(t *testing.T) {
	mem, replica := &targettest.Memory{}, &targettest.Memory{}
	f := newFixtureOn(t, mem)
	first := f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
	second := f.snapshot(repo.FromFS(rollingTree(9), "/x"), repo.SnapshotOptions{})
	if _, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Forget(t.Context(), []snapshot.ID{first.ID}); err != nil {
		t.Fatal(err)
	}
	if err := f.Catalog().Tag(t.Context(), second.ID, []string{"x"}); err != nil {
		t.Fatal(err)
	}
	phases := map[repo.Phase]bool{}
	note := func(p repo.Progress) { phases[p.Phase] = true }
	if _, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{Progress: note}); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.ReplicateKeyless(t.Context(), mem, &targettest.Memory{}, repo.KeylessOptions{Progress: note}); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Compare(t.Context(), mem, replica, repo.CompareOptions{Progress: note}); err != nil {
		t.Fatal(err)
	}
	want := map[repo.Phase]bool{
		repo.PhaseReplicateKeys: true, repo.PhaseReplicatePacks: true, repo.PhaseReplicateIndex: true,
		repo.PhaseReplicateForgotten: true, repo.PhaseReplicateMarks: true, repo.PhaseReplicateRemove: true,
		repo.PhaseCompare: true,
	}
	if !maps.Equal(phases, want) {
		t.Errorf("phases %v, want %v", phases, want)
	}
}
