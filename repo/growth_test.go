package repo_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// consistsOf returns the chunks of a snapshot and their lengths, and its directories,
// which are small enough to be a page each.
func consistsOf(t *testing.T, f *fixture, m *snapshot.Manifest) (chunks map[chunk.ID]int64, dirs map[chunk.ID]bool) {
	t.Helper()
	chunks, dirs = map[chunk.ID]int64{}, map[chunk.ID]bool{m.Root.Subtree: true}
	for _, e := range f.entries(m) {
		if e.Type == snapshot.Dir {
			dirs[e.Subtree] = true
		}
		for _, c := range e.Content {
			chunks[c.ID] = int64(c.Length)
		}
	}
	return chunks, dirs
}

// expect counts what a snapshot has and others haven't.
func expect(t *testing.T, f *fixture, m *snapshot.Manifest, others []*snapshot.Manifest) (a repo.Amount) {
	t.Helper()
	chunks, dirs := consistsOf(t, f, m)
	for _, o := range others {
		has, hasDirs := consistsOf(t, f, o)
		maps.DeleteFunc(chunks, func(id chunk.ID, _ int64) bool { return has[id] > 0 })
		maps.DeleteFunc(dirs, func(id chunk.ID, _ bool) bool { return hasDirs[id] })
	}
	for _, n := range chunks {
		a.ChunkBytes += n
	}
	a.Chunks, a.Trees = int64(len(chunks)), int64(len(dirs))
	return a
}

func TestGrowthIsWhatIsNewAndWhatOnlyOneSnapshotHas(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		f := newFixture(t)
		files := fstest.MapFS{}
		for version := range 9 {
			for range 6 { // some come, change, go, or come back
				name := fmt.Sprintf("d%d/f%d", r.IntN(3), r.IntN(8))
				files[name] = &fstest.MapFile{Data: randomBytes(r.Uint64N(12), 50+r.IntN(3)*90_000), Mode: 0o644, ModTime: time.Unix(int64(version), 0)}
				delete(files, fmt.Sprintf("d%d/f%d", r.IntN(3), r.IntN(8)))
			}
			f.snapshot(repo.FromFS(maps.Clone(files), "/x"), repo.SnapshotOptions{Hostname: fmt.Sprintf("h%d", r.IntN(2))})
		}
		f.compareGrowth(repo.Filter{})
		f.compareGrowth(repo.Filter{Hostname: "h1", Last: 2})
	}
}

// compareGrowth compares the growth of some snapshots with what looking into every
// one of all tells.
func (f *fixture) compareGrowth(s repo.Filter) {
	t := f.t.(*testing.T)
	t.Helper()
	all, err := f.Snapshots(t.Context(), repo.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	picked, err := f.Snapshots(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Catalog().Growth(t.Context(), s)
	if err != nil || len(got) != len(picked) {
		t.Fatalf("growth of %d snapshots, want %d: %v", len(got), len(picked), err)
	}
	same := func(a, b repo.Amount) bool {
		return a.Chunks == b.Chunks && a.ChunkBytes == b.ChunkBytes && a.Trees == b.Trees
	}
	var total repo.Amount
	for i, g := range got {
		n := slices.IndexFunc(all, func(m *snapshot.Manifest) bool { return m.ID == picked[i].ID })
		fresh, only := expect(t, f, picked[i], all[:n]), expect(t, f, picked[i], slices.Delete(slices.Clone(all), n, n+1))
		total.Chunks += fresh.Chunks
		total.ChunkBytes += fresh.ChunkBytes
		total.Trees += fresh.Trees
		if g.Snapshot.ID != picked[i].ID || !same(g.New, fresh) || !same(g.Only, only) || !same(g.Total, total) {
			t.Errorf("snapshot %d: %+v, want %+v new, %+v in it only, %+v in all", n, g, fresh, only, total)
		}
	}
}

// The packs hold large directories and files, and only blobs that snapshots reach. Then all
// growth together is what is stored.
func TestGrowthAddsUpToWhatIsStored(t *testing.T) {
	f := newFixture(t)
	files := fstest.MapFS{"large": {Data: randomBytes(1, 30<<20)}}
	for i := range 3000 {
		files[fmt.Sprintf("many/f%d", i)] = &fstest.MapFile{Data: []byte(strings.Repeat(fmt.Sprint(i), 40))}
	}
	f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	files["many/f77"] = &fstest.MapFile{Data: []byte("another")}
	files["large"] = &fstest.MapFile{Data: append(randomBytes(1, 30<<20), "more"...)}
	f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	f.reopen()
	growth, err := f.Catalog().Growth(t.Context(), repo.Filter{})
	if err != nil || len(growth) != 2 {
		t.Fatal(growth, err)
	}
	stats, err := f.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, second := growth[0], growth[1]
	if total := second.Total; total.Chunks != stats.Chunks || total.ChunkBytes != stats.ChunkBytes || total.Trees != stats.Trees || total.TreeBytes != stats.TreeBytes {
		t.Errorf("%+v together, %+v stored", total, stats)
	}
	if second.Total.Stored > stats.PackBytes || second.Total.Stored < stats.PackBytes-stats.PackBytes/50 {
		t.Errorf("%d bytes stored, in packs of %d", second.Total.Stored, stats.PackBytes)
	}
	if second.New != second.Only || second.New.TreeBytes > first.New.TreeBytes/4 || second.New.ChunkBytes > 1<<20 || second.New.ChunkBytes < 11 {
		t.Errorf("the second brought %+v and has %+v for itself", second.New, second.Only)
	}
	if first.Only.Chunks != 2 || first.Only.Trees == 0 || first.Only.Trees > second.New.Trees {
		t.Errorf("the first has %+v for itself", first.Only)
	}
}

func TestGrowthIsExactOrAnError(t *testing.T) {
	f, _, _ := damageFixture(t)
	whole, err := f.Catalog().Growth(t.Context(), repo.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	trees := 0
	for name := range f.target.(*targettest.Memory).Objects() {
		mem := f.target.(*targettest.Memory).Clone()
		mem.Set(name, nil)
		r, err := repo.Open(t.Context(), mem, f.key, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			continue // the key that was lost
		}
		got, err := r.Catalog().Growth(t.Context(), repo.Filter{})
		var lost *repo.LostError
		switch {
		case strings.HasPrefix(name, "packs/") && errors.As(err, &lost):
			trees++ // as one of data is listed, it isn't missed
		case strings.HasPrefix(name, "snapshots/"):
			if err != nil || len(got) != len(whole)-1 {
				t.Errorf("without %s: %d snapshots, %v", name, len(got), err)
			}
		case err != nil || !slices.EqualFunc(got, whole, func(a, b repo.Growth) bool { return a.New == b.New && a.Only == b.Only }):
			t.Errorf("without %s: %+v, %v; want %+v", name, got, err, whole)
		}
		r.Close()
	}
	if trees == 0 {
		t.Error("no pack of trees was missed")
	}
}
