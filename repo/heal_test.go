package repo_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// healBase is a repository with objects of every sort, and its replica.
func healBase(t *testing.T) (f *fixture, mem, replica *targettest.Memory, versions *manifests) {
	t.Helper()
	mem, replica = &targettest.Memory{}, &targettest.Memory{}
	f = newFixtureOn(t, mem)
	versions = newManifests()
	for _, v := range []int{0, 3, 17, 28} {
		versions.add(f.snapshot(repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{}), v)
	}
	if _, err := f.Keys().Rotate(t.Context(), f.key); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	if _, err := f.Keys().Add(t.Context(), testKey(t), "another"); err != nil {
		t.Fatal(err)
	}
	if err := f.Forget(t.Context(), []snapshot.ID{versions.ids[1]}); err != nil {
		t.Fatal(err)
	}
	delete(versions.of, versions.ids[1])
	if err := f.Catalog().Pin(t.Context(), versions.ids[2], time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	return f, mem, replica, versions
}

// hurt damages an object, and reports whether it did.
func hurt(m *targettest.Memory, name, how string) {
	switch b := m.Objects()[name]; how {
	case "missing":
		m.Set(name, nil)
	case "cut":
		m.Set(name, b[:len(b)/2])
	case "flipped":
		flip(m, name, len(b)*2/3)
	}
}

// wholeBoth fails the test unless a repository and its replica are the same and have
// the versions, whole, be it under other ids.
func wholeBoth(t *testing.T, mem, replica *targettest.Memory, key repo.Secret, versions map[snapshot.ID]int) {
	t.Helper()
	sameAs(t, mem, replica)
	for _, m := range []*targettest.Memory{mem, replica} {
		r := openWith(t, m, key)
		all, err := r.Snapshots(t.Context(), repo.Filter{})
		if err != nil || len(all) != len(versions) {
			t.Errorf("%d snapshots of %d, %v", len(all), len(versions), err)
		}
		for _, s := range all {
			v, ok := versions[s.ID]
			if !ok {
				if v, ok = versions[s.Original]; !ok {
					t.Fatalf("snapshot %s of nobody", s.ID.Short())
				}
			}
			sameTree(t, r, s, rollingTree(v))
		}
		report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
		if err != nil || report.Damaged() {
			t.Errorf("%+v, %v", report, err)
		}
		r.Close()
	}
}

// Any object of any sort is damaged or missing, here or on the replica, and mended
// from the other.
func TestEveryObjectIsHealedFromTheOther(t *testing.T) {
	f, mem, replica, versions := healBase(t)
	walk := newWalk(t)
	for _, name := range slices.Sorted(maps.Keys(replicatedOf(mem))) {
		for _, how := range []string{"missing", "flipped"} {
			for side := range 2 {
				if !walk.takes() {
					continue
				}
				prefix, _, _ := strings.Cut(name, "/")
				if side == 1 && how == "missing" && prefix != "packs" {
					continue // as of any replica that is behind
				}
				both := [2]*targettest.Memory{mem.Clone(), replica.Clone()}
				hurt(both[side], name, how)
				want := versions.of
				if side == 0 && how == "missing" {
					switch prefix {
					case "keys", "forgotten", "marks": // it counts as removed
						continue
					}
				}
				if side == 0 && prefix == "keys" {
					if _, err := repo.Open(t.Context(), both[0], f.key, repo.Options{}); err != nil {
						continue // it was the one that opens it
					}
				}
				r := openWith(t, both[0], f.key)
				compared, err := repo.Compare(t.Context(), both[0], both[1], repo.CompareOptions{ReadData: true})
				if err != nil || len(compared.Differences) != 1 || compared.Differences[0].Name != name {
					t.Fatalf("%d: %s %s: %+v, %v", side, name, how, compared, err)
				}
				report, err := r.Maintenance().Heal(t.Context(), both[1], repo.HealOptions{ReadData: true, Snapshots: true})
				if err != nil || len(report.Lost)+len(report.Unexplained) != 0 {
					t.Fatalf("%d: %s %s: %+v, %v", side, name, how, report, err)
				}
				r.Close()
				wholeBoth(t, both[0], both[1], f.key, want)
				if side == 1 {
					sameAs(t, mem, both[1])
				}
				if t.Failed() {
					t.Fatalf("%d: %s %s: %+v", side, name, how, report)
				}
			}
		}
	}
}

// Half of all packs and deltas are lost here, and the other half there.
func TestWhatIsLostOnBothSidesInTurnIsHealed(t *testing.T) {
	f, mem, replica, versions := healBase(t)
	i := 0
	for name := range mem.Objects() {
		if strings.HasPrefix(name, "packs/") || strings.HasPrefix(name, "index/") {
			hurt([2]*targettest.Memory{mem, replica}[i%2], name, [2]string{"missing", "flipped"}[i/2%2])
			i++
		}
	}
	r := openWith(t, mem, f.key)
	report, err := r.Maintenance().Heal(t.Context(), replica, repo.HealOptions{ReadData: true})
	if err != nil || len(report.Lost) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	wholeBoth(t, mem, replica, f.key, versions.of)
}

func TestSnapshotsAreHealedWhenNoneIsReadable(t *testing.T) {
	f, mem, replica, versions := healBase(t)
	for name := range mem.Objects() {
		if strings.HasPrefix(name, "snapshots/") {
			hurt(mem, name, "flipped")
		}
	}
	r := openWith(t, mem, f.key)
	report, err := r.Maintenance().Heal(t.Context(), replica, repo.HealOptions{ReadData: true})
	if err != nil || !report.Complete || report.Snapshots != int64(len(versions.of)) {
		t.Fatalf("%+v, %v", report, err)
	}
	wholeBoth(t, mem, replica, f.key, versions.of)
}

func TestWhatIsLostOnBothIsNamed(t *testing.T) {
	f, mem, replica, _ := healBase(t)
	pack := largest(mem, "packs/")
	flip(mem, pack, 1000)
	flip(replica, pack, 1000)
	before := mem.Clone()
	r := openWith(t, mem, f.key)
	report, err := r.Maintenance().Heal(t.Context(), replica, repo.HealOptions{ReadData: true})
	if !errors.Is(err, repo.ErrDamaged) || !report.Complete || len(report.Lost) == 0 || !strings.Contains(errors.Join(report.Lost...).Error(), pack) {
		t.Fatalf("%+v, %v", report, err)
	}
	sameAs(t, before, mem)
}

// A heal dies at every operation on either side in turn, and the next one completes
// it.
func TestAHealThatDiesAnywhereIsCompletedByTheNext(t *testing.T) {
	f, mem, replica, versions := healBase(t)
	pack := largest(mem, "packs/")
	hurt(mem, pack, "missing")
	for name := range replica.Objects() {
		if strings.HasPrefix(name, "packs/") && name != pack {
			hurt(replica, name, "flipped")
			break
		}
	}
	hurt(mem, "snapshots/"+versions.ids[2].String(), "flipped")
	heal := func(a, b *targettest.Faulty) error {
		r, err := repo.Open(t.Context(), a, f.key, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = r.Maintenance().Heal(t.Context(), b, repo.HealOptions{ReadData: true, Workers: 1})
		return err
	}
	calm := [2]*targettest.Faulty{{Memory: mem.Clone()}, {Memory: replica.Clone()}}
	if err := heal(calm[0], calm[1]); err != nil {
		t.Fatal(err)
	}
	for side := range calm {
		for n := 1; n <= calm[side].Ops(); n += 53 {
			both := [2]*targettest.Faulty{{Memory: mem.Clone()}, {Memory: replica.Clone()}}
			var dead atomic.Bool
			for i := range both {
				both[i].Decide = func(op targettest.Op) targettest.Fault {
					if i == side && op.N == n {
						dead.Store(true)
					}
					if dead.Load() {
						return targettest.Crash
					}
					return targettest.None
				}
			}
			_ = heal(both[0], both[1])
			if err := heal(&targettest.Faulty{Memory: both[0].Memory}, &targettest.Faulty{Memory: both[1].Memory}); err != nil {
				t.Errorf("side %d, operation %d: %v", side, n, err)
			}
			r := openWith(t, both[0].Memory, f.key)
			if _, err := r.Prune(t.Context(), repo.PruneOptions{}); err != nil { // what the dead has left
				t.Errorf("prune: %v", err)
			}
			if _, err := r.Replicate(t.Context(), both[1].Memory, repo.ReplicateOptions{}); err != nil {
				t.Errorf("replicate: %v", err)
			}
			r.Close()
			wholeBoth(t, both[0].Memory, both[1].Memory, f.key, versions.of)
			if t.Failed() {
				t.Fatalf("side %d, operation %d", side, n)
			}
		}
	}
}

// Heal repairs the objects that were read from the replica. It reads and changes no others,
// so the replica needn't even be writable.
func TestWhatAReplicaServedIsMendedHere(t *testing.T) {
	f, mem, replica, versions := healBase(t)
	mended := map[string]int{}
	for name := range mem.Objects() {
		prefix, _, _ := strings.Cut(name, "/")
		if prefix != "packs" && prefix != "index" && prefix != "snapshots" {
			continue
		}
		for _, how := range []string{"missing", "cut", "flipped"} {
			if how == "missing" && prefix != "packs" {
				continue // nobody would know of it
			}
			hurtMem := mem.Clone()
			hurt(hurtMem, name, how)
			before := replica.Clone()
			r := openWith(t, hurtMem, f.key, repo.ReplicaOn("other", replica))
			all, err := r.Snapshots(t.Context(), repo.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range all {
				sameTree(t, r, m, rollingTree(versions.of[m.ID]))
			}
			served := r.Maintenance().Served()
			if len(served) == 0 && prefix == "packs" {
				r.Close()
				continue // only what was forgotten needs it
			}
			mended[prefix]++
			if len(served) != 1 || served[0] != name {
				t.Fatalf("%s %s: served %v", name, how, served)
			}
			report, err := r.Maintenance().Heal(t.Context(), replica, repo.HealOptions{Suspects: served})
			if err != nil || len(report.Lost) != 0 || report.Packs+report.Deltas+report.Snapshots != 1 {
				t.Fatalf("%s %s: %+v, %v", name, how, report, err)
			}
			r.Close()
			sameAs(t, before, replica)
			alone := openWith(t, hurtMem, f.key)
			if check, err := alone.Check(t.Context(), repo.CheckOptions{ReadData: true}); err != nil || check.Damaged() {
				t.Errorf("%s %s: %+v, %v", name, how, check, err)
			}
			alone.Close()
		}
	}
	if mended["packs"] < 6 || mended["index"] < 6 || mended["snapshots"] < 6 {
		t.Errorf("mended: %v", mended)
	}
}
