package repo_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// largest returns the name of the largest object below a prefix.
func largest(t *targettest.Memory, prefix string) (name string) {
	size := -1
	for n, b := range t.Objects() {
		if strings.HasPrefix(n, prefix) && (len(b) > size || len(b) == size && n < name) {
			name, size = n, len(b)
		}
	}
	return name
}

func flip(t *targettest.Memory, name string, at int) {
	b := bytes.Clone(t.Objects()[name])
	b[at] ^= 1
	t.Set(name, b)
}

func TestRepairIndexNeedsPacksOnly(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	m := f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
	f.snapshot(repo.FromFS(rollingTree(1), "/x"), repo.SnapshotOptions{})
	for name := range mem.Objects() {
		if strings.HasPrefix(name, "index/") {
			mem.Set(name, nil)
		}
	}
	mem.Set("index/"+strings.Repeat("0", 64), []byte("junk"))
	f.reopen()
	report, err := f.Maintenance().RepairIndex(t.Context())
	if err != nil || report.Packs != 4 || report.Replaced != 1 || report.Lost != 0 || len(report.Damaged) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	f.reopen()
	f.clean()
	sameTree(t, f.Repo, m, rollingTree(0))
}

// A pack is lost. The index says so after a repair, and the next snapshot stores
// again what its source still has: so even the older snapshots become whole.
func TestWhatTheSourceStillHasIsHealedByTheNextSnapshot(t *testing.T) {
	for _, prefix := range []string{"data", "tree"} {
		mem := &targettest.Memory{}
		f := newFixtureOn(t, mem)
		dir := t.TempDir()
		if err := os.CopyFS(dir, rollingTree(0)); err != nil {
			t.Fatal(err)
		}
		first := f.snapshot(repo.Paths(dir), repo.SnapshotOptions{})
		pack := largest(mem, "packs/")
		if prefix == "tree" {
			for name := range mem.Objects() {
				if strings.HasPrefix(name, "packs/") && name != pack {
					pack = name
				}
			}
		}
		mem.Set(pack, nil)
		f.reopen()
		if report, err := f.Maintenance().RepairIndex(t.Context()); err != nil || report.Lost == 0 {
			t.Fatalf("%s: %+v, %v", prefix, report, err)
		}
		f.reopen()
		again := f.snapshot(repo.Paths(dir), repo.SnapshotOptions{})
		f.clean()
		f.reopen()
		sameTree(t, f.Repo, first, rollingTree(0))
		sameTree(t, f.Repo, again, rollingTree(0))
		if n, _ := stored(mem, "losses/"); n != 0 {
			t.Errorf("%s: %d losses are left", prefix, n)
		}
	}
}

// One byte of a pack is wrong. What is in its other segments is salvaged; the pack
// goes, and is saved before.
func TestRepairPacksSalvagesWhatCanBeRead(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	files := fstest.MapFS{}
	for i := range 40 {
		files[string(rune('a'+i))] = &fstest.MapFile{Data: randomBytes(uint64(i), 120_000)}
	}
	m := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{Workers: 1})
	name := largest(mem, "packs/")
	flip(mem, name, 100_000)
	damaged := mem.Objects()[name]
	f.reopen()
	saved := map[pack.ID][]byte{}
	report, err := f.Maintenance().RepairPacks(t.Context(), repo.PackRepairOptions{Save: func(id pack.ID, r io.Reader) error {
		b, err := io.ReadAll(r)
		saved[id] = b
		return err
	}})
	if err != nil || len(report.Damaged) != 1 || report.Lost == 0 || report.Salvaged == 0 || report.Lost+report.Salvaged != int64(len(files)) {
		t.Fatalf("%+v, %v", report, err)
	}
	if !bytes.Equal(saved[report.Damaged[0]], damaged) {
		t.Error("another pack was saved")
	}
	f.reopen()
	whole := int64(0)
	for name, file := range files {
		b, err := fs.ReadFile(f.View(m).FS(t.Context()), name)
		if err == nil && bytes.Equal(b, file.Data) {
			whole++
		}
	}
	if whole != report.Salvaged {
		t.Errorf("%d files of %d can be read, %d chunks were salvaged", whole, len(files), report.Salvaged)
	}
	if again, err := f.Maintenance().RepairPacks(t.Context(), repo.PackRepairOptions{}); err != nil || len(again.Damaged) != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}

	// Now a snapshot without what is lost.
	var lost []string
	repairs, err := f.Maintenance().RepairSnapshots(t.Context(), nil, repo.SnapshotRepairOptions{Lost: func(_ *snapshot.Manifest, path string, _ *snapshot.Entry, why error) {
		lost = append(lost, path)
		if why == nil {
			t.Error("no reason")
		}
	}})
	if err != nil || len(repairs) != 1 || repairs[0].Repaired == nil || repairs[0].Lost != report.Lost || int64(len(lost)) != report.Lost {
		t.Fatalf("%+v, %v, %d lost", repairs, err, len(lost))
	}
	left := fstest.MapFS{}
	for name, file := range files {
		if !slices.Contains(lost, name) {
			left[name] = file
		}
	}
	f.reopen()
	sameTree(t, f.Repo, repairs[0].Repaired, left)
	if all, err := f.Snapshots(t.Context(), repo.Filter{}); err != nil || len(all) != 2 || all[1].Original != m.ID {
		t.Errorf("%v, %v", all, err)
	}
	// RepairSnapshots with Forget forgets the old one.
	repairs, err = f.Maintenance().RepairSnapshots(t.Context(), []snapshot.ID{m.ID}, repo.SnapshotRepairOptions{Forget: true})
	if err != nil || len(repairs) != 1 {
		t.Fatalf("%+v, %v", repairs, err)
	}
	f.prune(repo.PruneOptions{})
	f.clean()
}

func TestPruneDeletesNothingWhileAManifestOrTreeCannotBeRead(t *testing.T) {
	for _, what := range []string{"snapshots/", "packs/"} {
		mem := &targettest.Memory{}
		f := newFixtureOn(t, mem)
		gone := f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
		m := f.snapshot(repo.FromFS(rollingTree(30), "/x"), repo.SnapshotOptions{})
		if err := f.Forget(t.Context(), []snapshot.ID{gone.ID}); err != nil {
			t.Fatal(err)
		}
		for name, b := range mem.Objects() {
			if what == "snapshots/" && strings.HasPrefix(name, what) {
				flip(mem, name, len(b)/2)
			}
			if what == "packs/" && strings.HasPrefix(name, what) && b[5] == 'T' {
				flip(mem, name, 60)
			}
		}
		f.reopen()
		before, _ := stored(mem, "packs/")
		if _, err := f.Prune(t.Context(), repo.PruneOptions{}); !errors.Is(err, repo.ErrUnreadable) {
			t.Errorf("%s: %v", what, err)
		}
		if after, _ := stored(mem, "packs/"); after != before {
			t.Errorf("%s: %d packs of %d are left", what, after, before)
		}
		_ = m
	}
}

func TestRewriteLeavesAPathOutAndPruneMakesItUnreadable(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	files := rollingTree(3)
	files["config/secret.key"] = &fstest.MapFile{Data: randomBytes(77, 3000)}
	m := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	var dropped []string
	next, err := f.Maintenance().Rewrite(t.Context(), m.ID, repo.RewriteOptions{Exclude: []string{"*.key"}, Forget: true, Dropped: func(p string, _ *snapshot.Entry) { dropped = append(dropped, p) }})
	if err != nil || next.ID == m.ID || next.Original != m.ID || !slices.Equal(dropped, []string{"config/secret.key"}) {
		t.Fatalf("%+v, %v, %q", next, err, dropped)
	}
	f.prune(repo.PruneOptions{MaxUnused: new(1e-9)})
	f.clean()
	f.reopen()
	delete(files, "config/secret.key")
	sameTree(t, f.Repo, next, files)
	if _, err := fs.ReadFile(f.View(m).FS(t.Context()), "config/secret.key"); err == nil {
		t.Error("the secret can still be read")
	}
	if same, err := f.Maintenance().Rewrite(t.Context(), next.ID, repo.RewriteOptions{Exclude: []string{"*.key"}}); err != nil || same.ID != next.ID {
		t.Errorf("rewritten again: %v, %v", same, err)
	}
}

// A pack that doesn't even tell what it holds goes, too: nothing of it can be salvaged.
func TestRepairPacksRemovesWhatTellsNothing(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
	name := "packs/ab/ab" + strings.Repeat("0", 62)
	mem.Set(name, randomBytes(1, 9000))
	report, err := f.Maintenance().RepairPacks(t.Context(), repo.PackRepairOptions{})
	if err != nil || len(report.Damaged) != 1 || report.Lost != 0 || mem.Objects()[name] != nil {
		t.Errorf("%+v, %v", report, err)
	}
	f.clean()
}
