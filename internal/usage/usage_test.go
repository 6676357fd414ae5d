package usage_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/internal/usage"
	"github.com/qsnap/qsnap/target/targettest"
)

// threeVersions returns a repository with three versions of a source: the second changes a
// file of 1,000 bytes, and the third changes it back.
func threeVersions(t *testing.T) (*engine.Engine, *targettest.Memory) {
	t.Helper()
	mem := &targettest.Memory{}
	e := enginetest.Create(t, mem, &fixture.Clock{})
	files := fstest.MapFS{}
	for i := range 3 {
		files[fmt.Sprintf("f%d", i)] = random(byte(i), 1000)
	}
	enginetest.Take(t, e, files)
	changed := maps.Clone(files)
	changed["f0"] = random(9, 1000)
	enginetest.Take(t, e, changed)
	enginetest.Take(t, e, files)
	return e, mem
}

func random(seed byte, n int) *fstest.MapFile {
	b := make([]byte, n)
	_, _ = fixture.Random(seed).Read(b)
	return &fstest.MapFile{Data: b, Mode: 0o644}
}

func TestGrowthIsNewTotalAndOnly(t *testing.T) {
	e, _ := threeVersions(t)
	got, err := usage.GrowthOf(t.Context(), e, catalog.Filter{})
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	for i, want := range []struct{ added, total, only int64 }{
		{3, 3, 0}, // the third has all that the first has
		{1, 4, 1},
		{0, 4, 0},
	} {
		g := got[i]
		if g.Snapshot.Number != uint64(i+1) || g.New.Chunks != want.added || g.Total.Chunks != want.total || g.Only.Chunks != want.only {
			t.Errorf("version %d: %+v", i+1, g)
		}
		if g.New.ChunkBytes != 1000*want.added || g.Total.ChunkBytes != 1000*want.total || g.Only.ChunkBytes != 1000*want.only {
			t.Errorf("bytes of version %d: %+v", i+1, g)
		}
	}
	// A filter selects lines; what they are compared with stays the same.
	last, err := usage.GrowthOf(t.Context(), e, catalog.Filter{Last: 2})
	if err != nil || len(last) != 2 || last[0].New != got[1].New || last[0].Only != got[1].Only || last[1].New != got[2].New {
		t.Errorf("the last two: %+v, %v", last, err)
	}
	if last[0].Total != last[0].New {
		t.Errorf("the total begins with what the filter selects first: %+v", last[0])
	}
}

func TestTheSharesOfAllBlobsAddUpToWhatIsStored(t *testing.T) {
	e, _ := threeVersions(t)
	growth, err := usage.GrowthOf(t.Context(), e, catalog.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := usage.Count(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	total := growth[2].Total
	if total.Chunks != s.Chunks || total.ChunkBytes != s.ChunkBytes || total.Trees != s.Trees || total.TreeBytes != s.TreeBytes {
		t.Errorf("%+v, stored is %+v", total, s)
	}
	if total.Stored <= 0 || total.Stored > s.PackBytes {
		t.Errorf("%d bytes of packs of %d", total.Stored, s.PackBytes)
	}
}

func TestStatsCountEveryObjectOnTheTarget(t *testing.T) {
	e, mem := threeVersions(t)
	s, err := usage.Count(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	var packs, packBytes, bytes int64
	for name, b := range mem.Objects() {
		bytes += int64(len(b))
		if object.Packs.Has(name) {
			packs++
			packBytes += int64(len(b))
		}
	}
	if s.Packs != packs || s.PackBytes != packBytes || s.PackBytes+s.DeltaBytes+s.ManifestBytes+s.OtherBytes != bytes {
		t.Errorf("%+v; there are %d packs of %d bytes, and %d bytes", s, packs, packBytes, bytes)
	}
	if s.Snapshots != 3 || s.Manifests != 3 || s.Files != 9 || s.Bytes != 9000 || s.Chunks != 4 || s.ChunkBytes != 4000 {
		t.Errorf("%+v", s)
	}
}

func TestThereIsNoGrowthWithoutEveryPageAndManifest(t *testing.T) {
	_, mem := threeVersions(t)
	growthOf := func(mem *targettest.Memory) error {
		_, err := usage.GrowthOf(t.Context(), enginetest.Open(t, mem, &fixture.Clock{}), catalog.Filter{})
		return err
	}
	if err := growthOf(mem); err != nil {
		t.Fatal(err)
	}
	lostPages, lostChunks, damaged := 0, 0, 0
	for name, b := range mem.Objects() {
		m := mem.Clone()
		switch {
		case object.Packs.Has(name):
			m.Set(name, nil)
			if _, ok := errors.AsType[*blob.LostError](growthOf(m)); ok {
				lostPages++
				continue
			}
			// Chunks aren't read, so they are missed when no delta lists them.
			for delta := range mem.Objects() {
				if object.Deltas.Has(delta) {
					m.Set(delta, nil)
				}
			}
			if _, ok := errors.AsType[*blob.LostError](growthOf(m)); ok {
				lostChunks++
			}
		case object.Snapshots.Has(name):
			bad := append([]byte(nil), b...)
			bad[len(bad)-1] ^= 1
			m.Set(name, bad)
			if object.IsDamage(growthOf(m)) {
				damaged++
			}
		}
	}
	if lostPages != 2 || lostChunks != 2 || damaged != 3 {
		t.Errorf("an error is missing: %d of packs of pages, %d of packs of chunks, %d of manifests", lostPages, lostChunks, damaged)
	}
}
