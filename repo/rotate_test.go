package repo_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// rotate gives the repository a new key, and opens it with that.
func (f *fixture) rotate() []repo.Key {
	f.t.Helper()
	left, err := f.Keys().Rotate(context.Background(), f.key)
	if err != nil {
		f.t.Fatal(err)
	}
	f.reopen()
	return left
}

// epochs counts the objects below a prefix by the epoch they are sealed under.
func epochs(mem *targettest.Memory, prefix string) map[uint32]int {
	out := map[uint32]int{}
	for name, b := range mem.Objects() {
		if strings.HasPrefix(name, prefix) {
			out[binary.LittleEndian.Uint32(b[8:])]++ // see package seal
		}
	}
	return out
}

func TestARotatedKeySealsWhatComesAndOpensAll(t *testing.T) {
	mem := &targettest.Memory{}
	f := newSmallFixture(t, mem)
	all := f.versions(2)
	if left := f.rotate(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
	all = append(all, f.snapshot(repo.FromFS(smallTree(2), "/x"), repo.SnapshotOptions{}))
	f.clean()
	f.reopen()
	for v, m := range all {
		sameTree(t, f.Repo, m, smallTree(v))
	}
	if packs, manifests := epochs(mem, "packs/"), epochs(mem, "snapshots/"); packs[2] == 0 || manifests[2] != 1 || manifests[1] != 2 {
		t.Errorf("packs %v, manifests %v", packs, manifests)
	}
	keys, err := f.Keys().List(t.Context())
	if err != nil || len(keys) != 1 || !keys[0].Current || keys[0].Outdated {
		t.Errorf("%+v, %v", keys, err)
	}
	// And once more.
	f.rotate()
	all = append(all, f.snapshot(repo.FromFS(smallTree(3), "/x"), repo.SnapshotOptions{}))
	f.clean()
	sameTree(t, f.Repo, all[0], smallTree(0))
	if manifests := epochs(mem, "snapshots/"); manifests[3] != 1 {
		t.Errorf("manifests %v", manifests)
	}
}

func TestPruneSealsAnewWhatIsSealedWithOlderKeys(t *testing.T) {
	mem := &targettest.Memory{}
	f := newSmallFixture(t, mem)
	all := f.versions(3)
	f.prune(repo.PruneOptions{})
	f.rotate()
	before := epochs(mem, "packs/")[1]
	// As far as it may.
	f.prune(repo.PruneOptions{MaxRepack: new(int64(1 << 20))})
	some := epochs(mem, "packs/")
	if some[1] == 0 || some[1] >= before || epochs(mem, "index/")[1] != 0 {
		t.Errorf("%d packs before, then %v, deltas %v", before, some, epochs(mem, "index/"))
	}
	f.prune(repo.PruneOptions{})
	if packs, deltas := epochs(mem, "packs/"), epochs(mem, "index/"); packs[1] != 0 || deltas[1] != 0 || packs[2] == 0 || deltas[2] == 0 {
		t.Errorf("packs %v, deltas %v", packs, deltas)
	}
	f.clean()
	f.reopen()
	for v, m := range all {
		sameTree(t, f.Repo, m, smallTree(v))
	}
	objects := mem.Objects()
	f.prune(repo.PruneOptions{})
	if after := mem.Objects(); len(after) != len(objects) {
		t.Errorf("%d objects instead of %d", len(after), len(objects))
	}
}

// outdated is a repository that was rotated, and one who opens it with a key from
// before, by what is cached and without.
func outdated(t *testing.T) (f *fixture, old []*fixture) {
	t.Helper()
	mem := &targettest.Memory{}
	f = newSmallFixture(t, mem)
	f.versions(2)
	second := testKey(t)
	if _, err := f.Keys().Add(t.Context(), second, "second"); err != nil {
		t.Fatal(err)
	}
	before := (&fixture{t: t, key: f.key, cache: t.TempDir()}).at(mem) // since before the rotation
	sameTree(t, before.Repo, before.all()[0], smallTree(0))
	left := f.rotate()
	if len(left) != 1 || left[0].Label != "second" || !left[0].Outdated {
		t.Fatalf("left: %+v", left)
	}
	f.snapshot(repo.FromFS(smallTree(2), "/x"), repo.SnapshotOptions{})
	if err := f.Catalog().Tag(t.Context(), f.all()[0].ID, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	return f, []*fixture{before,
		(&fixture{t: t, key: second, cache: f.cache}).at(mem),
		(&fixture{t: t, key: second, cache: t.TempDir()}).at(mem)}
}

func TestWhoHasAnOlderKeyIsToldSoAndChangesNothing(t *testing.T) {
	f, old := outdated(t)
	ctx := context.Background()
	mem := f.target.(*targettest.Memory)
	objects := mem.Objects()
	newest := f.all()[2]
	for i, g := range old {
		for what, try := range map[string]func() error{
			"snapshot": func() error {
				_, err := g.Snapshot(ctx, repo.FromFS(smallTree(4), "/x"), repo.SnapshotOptions{})
				return err
			},
			"prune":     func() error { _, err := g.Prune(ctx, repo.PruneOptions{}); return err },
			"check":     func() error { _, err := g.Check(ctx, repo.CheckOptions{ReadData: true}); return err },
			"snapshots": func() error { _, err := g.Snapshots(ctx, repo.Filter{}); return err },
			"latest":    func() error { _, err := g.Latest(ctx, repo.Filter{}); return err },
			"find":      func() error { _, err := g.Find(ctx, newest.ID.String()); return err },
			"get":       func() error { _, err := g.Get(ctx, newest.ID); return err },
			"restore": func() error {
				_, err := g.Restore(ctx, newest, repo.RestoreOptions{To: t.TempDir(), Progress: func(p repo.RestoreProgress) {
					if p.Problem != nil {
						t.Errorf("%s: %v", p.Path, p.Problem)
					}
				}})
				return err
			},
			"forget":     func() error { return g.Forget(ctx, []snapshot.ID{f.all()[0].ID}) },
			"pin":        func() error { return g.Catalog().Unpin(ctx, f.all()[0].ID) },
			"add key":    func() error { _, err := g.Keys().Add(ctx, testKey(t), ""); return err },
			"remove key": func() error { keys, _ := f.Keys().List(ctx); return g.Keys().Remove(ctx, keys[0].ID) },
			"rotate":     func() error { _, err := g.Keys().Rotate(ctx, g.key); return err },
			"copy": func() error {
				_, err := f.Copy(ctx, g.Repo, f.all(), repo.CopyOptions{})
				return err
			},
			"stats": func() error { _, err := g.Stats(ctx); return err },
		} {
			err := try()
			if !errors.Is(err, repo.ErrNewerKey) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s %d: %v", what, i, err)
			}
			if what == "prune" && !errors.Is(err, repo.ErrUnreadable) {
				t.Errorf("prune %d: %v", i, err)
			}
		}
		// Objects that are sealed with the older key can still be read.
		sameTree(t, g.Repo, f.all()[1], smallTree(1))
	}
	if after := mem.Objects(); !maps.EqualFunc(objects, after, bytes.Equal) {
		t.Errorf("%d objects instead of %d", len(after), len(objects))
	}
}

// A prune that began before the rotation meets what is newer in its midst.
func TestAPruneThatMeetsANewerKeyDeletesNothing(t *testing.T) {
	met, least := 0, 10
	walk := newWalk(t)
	if !walk.whole {
		least = 1
	}
	for n, done := 1, false; !done; n++ {
		if !walk.takes() {
			continue
		}
		done = true
		mem := &targettest.Memory{}
		f := newSmallFixture(t, mem)
		all := f.versions(3)
		if err := f.Forget(t.Context(), []snapshot.ID{all[0].ID}); err != nil {
			t.Fatal(err)
		}
		broken := &targettest.Faulty{Memory: mem}
		g := (&fixture{t: t, key: f.key, cache: t.TempDir()}).at(broken)
		opened := broken.Ops()
		broken.Decide = func(op targettest.Op) targettest.Fault {
			if op.N-opened == n {
				done = false
				f.rotate()
				all = append(all, f.snapshot(repo.FromFS(smallTree(3), "/x"), repo.SnapshotOptions{}))
			}
			return targettest.None
		}
		before, _ := stored(mem, "packs/")
		_, err := g.Prune(t.Context(), repo.PruneOptions{MaxUnused: new(1e-9)})
		broken.Decide = nil
		if err != nil {
			met++
			if after, _ := stored(mem, "packs/"); !errors.Is(err, repo.ErrUnreadable) || !errors.Is(err, repo.ErrNewerKey) || after < before {
				t.Fatalf("at operation %d: %d packs before, %d after, %v", n, before, after, err)
			}
		}
		f.clean()
		for v, m := range all[1:] {
			sameTree(t, f.Repo, m, smallTree(v+1))
		}
	}
	if met < least {
		t.Errorf("it was met %d times only", met)
	}
}

// The rotation fails or the process dies at every operation in turn: the secret opens
// the repository, and the next rotation brings it to its end.
func TestAnInterruptedRotationLeavesARepositoryThatTheSecretOpens(t *testing.T) {
	base := &targettest.Memory{}
	f := newSmallFixture(t, base)
	f.versions(1)
	walk := newWalk(t)
	for _, fault := range []targettest.Fault{targettest.Fail, targettest.FailAfter, targettest.Crash, targettest.CrashAfter, targettest.CrashTear} {
		for n, done := 1, false; !done; n++ {
			if !walk.takes() {
				continue
			}
			done = true
			broken := &targettest.Faulty{Memory: base.Clone()}
			g := (&fixture{t: t, key: f.key, cache: t.TempDir()}).at(broken)
			opened := broken.Ops()
			broken.Decide = func(op targettest.Op) targettest.Fault {
				if op.N-opened != n {
					return targettest.None
				}
				done = false
				return fault
			}
			if _, err := g.Keys().Rotate(t.Context(), g.key); done && err != nil {
				t.Fatalf("fault %d at operation %d: %v", fault, n, err)
			}
			h := g.at(broken.Memory)
			h.snapshot(repo.FromFS(smallTree(1), "/x"), repo.SnapshotOptions{})
			h.damageless("torn, perhaps")
			h.rotate()
			h.snapshot(repo.FromFS(smallTree(2), "/x"), repo.SnapshotOptions{})
			h.damageless("torn, perhaps")
			for v, m := range h.all() {
				sameTree(t, h.Repo, m, smallTree(v))
			}
			if newest := epochs(broken.Memory, "snapshots/"); newest[2]+newest[3] == 0 {
				t.Errorf("fault %d at operation %d: %v", fault, n, newest)
			}
			keys, err := h.Keys().List(t.Context())
			if fault != targettest.CrashTear && (err != nil || len(keys) != 1) {
				t.Errorf("fault %d at operation %d: %+v, %v", fault, n, keys, err)
			}
		}
	}
}

// Of two that rotate at once, at whatever point they meet, one wins, and nobody seals
// with the key of the other.
func TestOfTwoThatRotateAtOnceOneWins(t *testing.T) {
	for n, done := 1, false; !done; n++ {
		done = true
		mem := &targettest.Memory{}
		f := newSmallFixture(t, mem)
		f.versions(1)
		second := testKey(t)
		if _, err := f.Keys().Add(t.Context(), second, ""); err != nil {
			t.Fatal(err)
		}
		broken := &targettest.Faulty{Memory: mem}
		g := (&fixture{t: t, key: second, cache: t.TempDir()}).at(broken)
		opened := broken.Ops()
		broken.Decide = func(op targettest.Op) targettest.Fault {
			if op.N-opened == n {
				done = false
				if _, err := f.Keys().Rotate(t.Context(), f.key); err != nil && !errors.Is(err, repo.ErrNewerKey) {
					t.Errorf("at operation %d: %v", n, err)
				}
			}
			return targettest.None
		}
		_, err := g.Keys().Rotate(t.Context(), second)
		if err != nil && !errors.Is(err, repo.ErrNewerKey) {
			t.Errorf("at operation %d: %v", n, err)
		}
		winners := 0
		for v, key := range []repo.Secret{f.key, second} {
			h := (&fixture{t: t, key: key, cache: t.TempDir()}).at(mem)
			_, err := h.Snapshot(t.Context(), repo.FromFS(smallTree(v+1), "/x"), repo.SnapshotOptions{})
			if err == nil {
				winners++
				h.clean()
				h.prune(repo.PruneOptions{})
				h.clean()
			} else if !errors.Is(err, repo.ErrNewerKey) {
				t.Errorf("at operation %d: %v", n, err)
			}
		}
		if winners != 1 {
			t.Errorf("at operation %d: %d have won", n, winners)
		}
	}
}

func TestTheOnlyNewKeyIsNotRemoved(t *testing.T) {
	f, _ := outdated(t)
	sheet, err := f.Keys().RecoverySheet()
	if err != nil {
		t.Fatal(err)
	}
	key, err := repo.ParseKey(sheet)
	if err != nil {
		t.Fatal(err)
	}
	g := (&fixture{t: t, key: key, cache: t.TempDir()}).at(f.target)
	keys, err := g.Keys().List(t.Context())
	if err != nil || len(keys) != 2 {
		t.Fatalf("%+v, %v", keys, err)
	}
	for _, k := range keys {
		if err := g.Keys().Remove(t.Context(), k.ID); (err == nil) != k.Outdated {
			t.Errorf("%+v: %v", k, err)
		}
	}
	if _, err := g.Keys().Rotate(t.Context(), key); err == nil {
		t.Error("a new key was wrapped under a recovery sheet")
	}
}

// A twin follows a rotation once it is finished. Until then, objects that are sealed with
// the new key are sealed again in the twin.
func TestATwinFollowsARotation(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	all := f.versions(1)
	mem := &targettest.Memory{}
	g := f.twin(mem)
	f.copyTo(g)
	f.rotate()
	all = append(all, f.snapshot(repo.FromFS(smallTree(1), "/x"), repo.SnapshotOptions{}))
	if report := f.copyTo(g); report.PacksMoved != 0 || report.Copied != 1 {
		t.Errorf("%+v", report)
	}
	copied(t, f, g, all, "before")
	if packs := epochs(mem, "packs/"); packs[2] != 0 {
		t.Errorf("packs %v", packs)
	}
	g = f.twin(mem)
	all = append(all, f.snapshot(repo.FromFS(smallTree(2), "/x"), repo.SnapshotOptions{}))
	if report := f.copyTo(g); report.PacksMoved == 0 || report.Copied != 1 {
		t.Errorf("%+v", report)
	}
	copied(t, f, g, all, "after")
	// Two that were rotated each on its own are twins no more.
	other := f.twin(&targettest.Memory{})
	other.rotate()
	f.rotate()
	if err := f.Maintenance().MakeTwin(t.Context(), other.target); err == nil {
		t.Error("it was taken for a twin")
	}
	f.snapshot(repo.FromFS(smallTree(3), "/x"), repo.SnapshotOptions{})
	f.copyTo(other)
	other.clean()
}

// A bit that flips where an object says which key it is sealed with is damage, and no
// newer key.
func TestAFlippedEpochIsDamageAndNoNewerKey(t *testing.T) {
	base := &targettest.Memory{}
	f := newSmallFixture(t, base)
	f.versions(2)
	for name, b := range base.Objects() {
		for _, listed := range []bool{true, false} {
			if !strings.HasPrefix(name, "packs/") && !strings.HasPrefix(name, "index/") && !strings.HasPrefix(name, "snapshots/") {
				continue
			}
			mem := base.Clone()
			b := bytes.Clone(b)
			b[9] ^= 1
			mem.Set(name, b)
			for delta := range mem.Objects() {
				if strings.HasPrefix(delta, "index/") && !listed {
					mem.Set(delta, nil)
				}
			}
			g := (&fixture{t: t, key: f.key, cache: t.TempDir()}).at(mem)
			if _, err := g.Check(t.Context(), repo.CheckOptions{ReadData: true}); err != nil && !errors.Is(err, repo.ErrDamaged) || errors.Is(err, repo.ErrNewerKey) {
				t.Errorf("check, %s flipped: %v", name, err)
			}
			if _, err := g.Snapshots(t.Context(), repo.Filter{}); errors.Is(err, repo.ErrNewerKey) {
				t.Errorf("snapshots, %s flipped: %v", name, err)
			}
			if _, err := g.Prune(t.Context(), repo.PruneOptions{}); errors.Is(err, repo.ErrNewerKey) {
				t.Errorf("prune, %s flipped: %v", name, err)
			}
		}
	}
}

// Whatever the object says that decides on a key: the repository opens, and nothing
// is taken for damaged that isn't.
func FuzzEpoch(f *testing.F) {
	mem := &targettest.Memory{}
	text, err := repo.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	key, err := repo.ParseKey(text)
	if err != nil {
		f.Fatal(err)
	}
	cache := f.TempDir()
	open := func(t testing.TB, mem *targettest.Memory) *repo.Repo {
		r, err := repo.Open(context.Background(), mem, key, repo.Options{CacheDir: cache})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r, err := repo.Init(context.Background(), mem, key, crashInit(cache))
	if err == nil {
		_, err = r.Keys().Rotate(context.Background(), key)
	}
	if err == nil {
		_, err = open(f, mem).Snapshot(context.Background(), repo.FromFS(smallTree(0), "/x"), repo.SnapshotOptions{})
	}
	if err != nil {
		f.Fatal(err)
	}
	const name = "epochs/00000002"
	f.Add(mem.Objects()[name])
	f.Add([]byte{})
	f.Add(make([]byte, 48))
	f.Add(make([]byte, 5000))
	f.Fuzz(func(t *testing.T, b []byte) {
		mem := mem.Clone()
		mem.Set(name, append([]byte{}, b...))
		r := open(t, mem)
		defer r.Close()
		if all, err := r.Snapshots(t.Context(), repo.Filter{}); err != nil && !errors.Is(err, repo.ErrNewerKey) || err == nil && len(all) != 1 {
			t.Errorf("%d snapshots, %v", len(all), err)
		}
	})
}
