package repo_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// stored returns how many objects below a prefix a target has, and their bytes.
func stored(t *targettest.Memory, prefix string) (count int, bytes int64) {
	for name, b := range t.Objects() {
		if strings.HasPrefix(name, prefix) {
			count++
			bytes += int64(len(b))
		}
	}
	return count, bytes
}

// rollingTree is version v of a tree of which a little changes each time.
func rollingTree(v int) fstest.MapFS {
	files := fstest.MapFS{}
	for i := range 40 {
		last := v - (v-i+40)%40 // the last version that changed it
		files[fmt.Sprintf("d%d/f%d", i%5, i)] = &fstest.MapFile{Data: randomBytes(uint64(1000*i+last+50), 9_000+700*i), Mode: 0o644, ModTime: time.Unix(int64(last)+1e9, 0)}
	}
	return files
}

func (f *fixture) clean() repo.CheckReport {
	f.t.Helper()
	report, err := f.Check(f.t.Context(), repo.CheckOptions{ReadData: true})
	if err != nil && !errors.Is(err, repo.ErrDamaged) {
		f.t.Fatal(err)
	}
	if len(report.Findings) > 0 {
		f.t.Fatalf("check: %+v", report.Findings)
	}
	return report
}

func (f *fixture) prune(o repo.PruneOptions) repo.PruneReport {
	f.t.Helper()
	report, err := f.Prune(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	return report
}

// An hourly job of 72 versions, of which the last 24 are kept: each of them is
// whole, always; the repository grows neither in bytes nor in objects beyond what a
// fresh one with the same snapshots has.
func TestRollingVersionsStayWholeAndTakeTheSpaceOfAFreshRepository(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	var kept []*snapshot.Manifest
	for v := range 72 {
		kept = append(kept, f.snapshot(repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{}))
		if len(kept) > 24 {
			if err := f.Forget(t.Context(), []snapshot.ID{kept[0].ID}); err != nil {
				t.Fatal(err)
			}
			kept = kept[1:]
		}
		f.prune(repo.PruneOptions{})
		if v%16 == 7 {
			f.clean()
			f.reopen()
		}
	}
	f.clean()
	f.reopen()
	for i, m := range kept {
		sameTree(t, f.Repo, m, rollingTree(72-24+i))
	}
	other := &targettest.Memory{}
	g := newFixtureOn(t, other)
	for v := 72 - 24; v < 72; v++ {
		g.snapshot(repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{})
	}
	_, bytes := stored(mem, "packs/")
	count, _ := stored(mem, "")
	_, fresh := stored(other, "packs/")
	if float64(bytes) > 1.05*float64(fresh) {
		t.Errorf("packs take %d bytes, in a fresh repository %d", bytes, fresh)
	}
	if count > 24+60 {
		t.Errorf("%d objects", count)
	}
	for _, prefix := range []string{"leases/", "pending/", "quarantine/"} {
		if n, _ := stored(mem, prefix); n > 0 {
			t.Errorf("%d objects left below %s", n, prefix)
		}
	}
}

func TestPruneOfAnEmptyAndOfAFreshRepositoryDoesNothing(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	f.prune(repo.PruneOptions{})
	f.snapshot(repo.FromFS(testMapFS(), "/x"), repo.SnapshotOptions{})
	before := mem.Objects()
	report := f.prune(repo.PruneOptions{})
	if report.Removed != 0 || len(mem.Objects()) != len(before) {
		t.Errorf("%+v; %d objects instead of %d", report, len(mem.Objects()), len(before))
	}
}

// The forecast of what a prune frees if snapshots are forgotten equals what it frees
// afterwards.
func TestAPruneIsForeseenBeforeAnythingIsForgotten(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	var all []snapshot.ID
	for v := range 6 {
		all = append(all, f.snapshot(repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{}).ID)
	}
	before := mem.Objects()
	o := repo.PruneOptions{MaxUnused: new(0.001), DryRun: true, Without: all[:4]}
	foreseen := f.prune(o)
	if after := mem.Objects(); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Error("a dry run changed the target")
	}
	if foreseen.Removed == 0 || foreseen.Snapshots != 2 {
		t.Errorf("foreseen: %+v", foreseen)
	}
	if _, err := f.Prune(t.Context(), repo.PruneOptions{Without: all[:4]}); err == nil {
		t.Error("a prune that isn't a dry run took snapshots for forgotten")
	}
	if err := f.Forget(t.Context(), all[:4]); err != nil {
		t.Fatal(err)
	}
	done := f.prune(repo.PruneOptions{MaxUnused: o.MaxUnused})
	if done.Removed != foreseen.Removed || done.RemovedBytes != foreseen.RemovedBytes {
		t.Errorf("foreseen were %d packs of %d bytes, deleted %d of %d", foreseen.Removed, foreseen.RemovedBytes, done.Removed, done.RemovedBytes)
	}
	f.clean()
}

func TestAForgottenSnapshotComesBackUntilItsDataIsDeleted(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	first := f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
	f.snapshot(repo.FromFS(rollingTree(30), "/x"), repo.SnapshotOptions{})
	if err := f.Forget(t.Context(), []snapshot.ID{first.ID}); err != nil {
		t.Fatal(err)
	}
	f.clean()
	if gone, err := f.Catalog().Forgotten(t.Context()); err != nil || len(gone) != 1 || gone[0].ID != first.ID {
		t.Fatalf("%v, %v", gone, err)
	}
	back, err := f.Catalog().Undelete(t.Context(), first.ID)
	if err != nil || back.ID == first.ID || back.Original != first.ID {
		t.Fatalf("%v, %v", back, err)
	}
	sameTree(t, f.Repo, back, rollingTree(0))
	if gone, err := f.Catalog().Forgotten(t.Context()); err != nil || len(gone) != 0 {
		t.Fatalf("%v, %v", gone, err)
	}
	if err := f.Forget(t.Context(), []snapshot.ID{back.ID}); err != nil {
		t.Fatal(err)
	}
	f.prune(repo.PruneOptions{})
	if _, err := f.Catalog().Undelete(t.Context(), first.ID); err == nil {
		t.Error("it came back")
	}
	f.clean()
}

// The blobs of the newest snapshot lie together and in order, so that restoring it takes
// one pass over few packs, however many versions they came from.
func TestTheNewestSnapshotIsKeptTogether(t *testing.T) {
	f := newFixture(t)
	var all []*snapshot.Manifest
	for v := range 40 {
		all = append(all, f.snapshot(repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{}))
	}
	newest := all[len(all)-1]
	packs := func() int64 { return f.restore(newest, repo.RestoreOptions{To: t.TempDir()}).Packs }
	before := packs()
	for _, m := range all[:30] {
		if err := f.Forget(t.Context(), []snapshot.ID{m.ID}); err != nil {
			t.Fatal(err)
		}
	}
	f.prune(repo.PruneOptions{MaxUnused: new(1e-9)})
	f.reopen()
	if after := packs(); before < 30 || after > 10 {
		t.Errorf("it takes %d packs, %d before", after, before)
	}
	f.clean()
}

// In the long run, an hourly prune repacks a live blob only a few times, though any file
// may be the next to change. Blobs that only older snapshots reach go to packs of their
// own, which soon die as a whole.
func TestHourlyPrunesRarelyWriteTheSameAgain(t *testing.T) {
	r, err := repo.Init(t.Context(), &targettest.Memory{}, testKey(t), repo.InitOptions{
		Options: repo.Options{CacheDir: t.TempDir()}, PackSize: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Repo: r, t: t}
	t.Cleanup(func() { r.Close() })
	const versions, keep = 200, 24
	random := rand.New(rand.NewPCG(5, 6))
	files := fstest.MapFS{}
	var added, moved int64
	change := func(v, i int) {
		size := 5_000 + random.IntN(10_000)
		files[fmt.Sprintf("d%d/f%d", i%10, i)] = &fstest.MapFile{Data: randomBytes(random.Uint64(), size), Mode: 0o644, ModTime: time.Unix(int64(v)+1e9, 0)}
		if v > 2*keep {
			added += int64(size)
		}
	}
	for i := range 600 {
		change(0, i)
	}
	var kept []*snapshot.Manifest
	for v := 1; v <= versions; v++ {
		for range 3 {
			change(v, random.IntN(600))
		}
		kept = append(kept, f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{}))
		if len(kept) > keep {
			if err := f.Forget(t.Context(), []snapshot.ID{kept[0].ID}); err != nil {
				t.Fatal(err)
			}
			kept = kept[1:]
		}
		report := f.prune(repo.PruneOptions{})
		if v > 2*keep {
			moved += report.RepackedBytes
		}
	}
	f.clean()
	t.Logf("for each byte that was added, %.1f were written again", float64(moved)/float64(added))
	if moved > 10*added {
		t.Errorf("for each byte that was added, %.1f were written again", float64(moved)/float64(added))
	}
}
