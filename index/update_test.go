package index

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
)

// A delta that replaces others, as after packs were deleted, is fetched while the
// index still answers with what it knew.
func TestTheIndexAnswersWhileItIsUpdated(t *testing.T) {
	for _, settled := range []bool{false, true} {
		var f fakeTarget
		x := open(t, t.TempDir())
		kept, dropped := testPack(1, 1, 2), testPack(2, 3)
		before := f.put(1, Delta{kept, dropped})
		f.update(t, x)
		if settled {
			if err := x.flushLocked(); err != nil {
				t.Fatal(err)
			}
		}
		delete(f.deltas, before)
		after := f.put(2, Delta{kept})
		err := x.Update(context.Background(), []ID{after}, func(context.Context, ID) (Delta, error) {
			for _, blob := range []int{1, 2, 3} {
				if places, err := x.Lookup(blobID(blob)); err != nil || len(places) != 1 {
					t.Errorf("blob %d during the update: %d places, %v", blob, len(places), err)
				}
			}
			return f.deltas[after], nil
		})
		if err != nil {
			t.Fatal(err)
		}
		f.agrees(t, x, 4)
	}
}

// Which place of a blob comes first depends on what the index was told, not on
// chance.
func TestPlacesComeInAnOrderThatCanBeRepeated(t *testing.T) {
	var want []Place
	for try := range 20 {
		var f fakeTarget
		x := open(t, t.TempDir())
		for i := range 8 {
			f.put(i, Delta{testPack(i, 1)})
		}
		gone := f.put(8, Delta{testPack(8, 2)})
		f.update(t, x)
		delete(f.deltas, gone)
		f.update(t, x)
		got, err := x.Lookup(blobID(1))
		if err != nil {
			t.Fatal(err)
		}
		if try == 0 {
			want = got
		}
		if !slices.EqualFunc(got, want, func(a, b Place) bool { return a.Pack.ID == b.Pack.ID }) {
			t.Fatalf("try %d: another order", try)
		}
	}
}

func TestTablesAreFoundWhateverTheDirectoryIsCalled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]")
	var f fakeTarget
	x := open(t, dir)
	f.put(1, Delta{testPack(1, 1, 2)})
	f.update(t, x)
	if err := x.flushLocked(); err != nil {
		t.Fatal(err)
	}
	fetched := f.fetched
	again := open(t, dir)
	f.update(t, again)
	if f.agrees(t, again, 3); f.fetched != fetched {
		t.Errorf("%d deltas fetched again", f.fetched-fetched)
	}
}
