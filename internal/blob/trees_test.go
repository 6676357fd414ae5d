package blob_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestTreesThatAreReadInOrderComeTogether(t *testing.T) {
	s := newStack(t)
	var segments [][][]byte
	for i := range 64 {
		segments = append(segments, [][]byte{fmt.Appendf(nil, "tree %d", i)})
	}
	p := s.pack(seal.TreePack, segments...)
	s.list(p)
	f, gets := s.gets()
	dir := t.TempDir()
	walk := func(r *blob.Reader, order []int) int64 {
		before := gets.Load()
		for _, n := range order {
			want := segments[n][0]
			if got, err := r.Tree(t.Context(), s.tree.ID(want)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("tree %d is %q, %v", n, got, err)
			}
		}
		return gets.Load() - before
	}
	var all []int
	for i := range segments {
		all = append(all, i)
	}
	with := func(o object.Options) *blob.Reader {
		return s.on(f, o, blob.Options{Dir: s.dir, CacheMemory: 1 << 20})
	}
	if n := walk(with(object.Options{}), all); n > 10 {
		t.Errorf("%d requests of %d trees in order", n, len(all))
	}
	if n := walk(with(object.Options{Dir: dir, CacheSize: 1 << 20}), all); n > 10 {
		t.Errorf("with a cache, %d requests of %d trees in order", n, len(all))
	}
	if n := walk(with(object.Options{Dir: dir, CacheSize: 1 << 20}), all); n != 0 {
		t.Errorf("%d requests of trees that are cached", n)
	}
	slices.Reverse(all)
	walk(with(object.Options{}), all)
	s.damage(packName(p), p.Segments[20].Offset)
	r := with(object.Options{})
	walk(r, []int{0, 1, 2, 3})
	if _, err := r.Tree(t.Context(), s.tree.ID(segments[20][0])); !blob.IsLost(err) {
		t.Errorf("a damaged one: %v", err)
	}
	walk(r, []int{19, 21, 22})
}

func TestTreesThatAreReadHereAndThereComeAlone(t *testing.T) {
	s := newStack(t)
	var segments [][][]byte
	for i := range 64 {
		segments = append(segments, [][]byte{fmt.Appendf(nil, "tree %d", i)})
	}
	p := s.pack(seal.TreePack, segments...)
	s.list(p)
	var read int64
	f := &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "get" && object.Packs.Has(op.Name) {
			read += op.Len
		}
		return targettest.None
	}}
	r := s.on(f, object.Options{}, blob.Options{Dir: s.dir, CacheMemory: 1 << 20})
	var want int64
	for _, n := range []int{0, 20, 40, 10, 60, 30, 25, 50} {
		if _, err := r.Tree(t.Context(), s.tree.ID(segments[n][0])); err != nil {
			t.Fatal(err)
		}
		want += int64(p.Segments[n].Stored)
	}
	if read != want {
		t.Errorf("%d bytes are read, want %d", read, want)
	}
}

func TestADamagedSegmentInTheCacheIsFetchedAgain(t *testing.T) {
	s := newStack(t)
	p := s.pack(seal.TreePack, [][]byte{one}, [][]byte{two})
	s.list(p)
	f, gets := s.gets()
	store := object.Options{Dir: t.TempDir(), CacheSize: 1 << 20}
	for _, bad := range [][]byte{[]byte("damaged"), {}, bytes.Repeat([]byte{1}, p.Segments[0].Stored)} {
		object.On(f, store).Cache(blob.SegmentName(p.ID, 0), bad)
		before := gets.Load()
		r := s.on(f, store, blob.Options{Dir: s.dir})
		if got, err := r.Tree(t.Context(), s.tree.ID(one)); err != nil || !bytes.Equal(got, one) || gets.Load()-before != 1 {
			t.Errorf("%d bytes in the cache: %q, %v, %d requests", len(bad), got, err, gets.Load()-before)
		}
	}
}
