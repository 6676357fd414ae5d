package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

var one, two, three = []byte("one"), []byte("the second"), []byte("and the third")

func TestABlobHasTheBytesThatItWasStoredWith(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one, two}, [][]byte{three}), s.pack(seal.TreePack, [][]byte{one}, [][]byte{two, three}))
	cached := object.Options{Dir: t.TempDir(), CacheSize: 1 << 20}
	for what, r := range map[string]*blob.Reader{
		"without caches": s.reader(), "with a memory": s.on(s.mem, object.Options{}, blob.Options{Dir: s.dir, CacheMemory: 1 << 20}),
		"with a cache": s.on(s.mem, cached, blob.Options{Dir: s.dir}), "without a directory": s.on(s.mem, object.Options{}, blob.Options{}),
	} {
		for range 2 {
			s.wants(what, r, one, two, three)
			for _, want := range [][]byte{one, two, three} {
				if got, err := r.Tree(t.Context(), s.tree.ID(want)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: a tree is %q, %v", what, got, err)
				}
			}
		}
	}
}

func TestWhatIsInNoPackIsLost(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	r := s.reader()
	for _, tree := range []bool{false, true} {
		_, err := r.Blob(t.Context(), chunk.ID{9}, tree)
		lost, ok := errors.AsType[*blob.LostError](err)
		if !ok || lost.ID != (chunk.ID{9}) || lost.Tree != tree || lost.Err != nil || !errors.Is(err, chunk.ErrDamaged) || !blob.IsLost(err) {
			t.Errorf("%v", err)
		}
		if want := map[bool]string{false: "chunk ", true: "tree "}[tree]; err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
	if _, err := r.Tree(t.Context(), s.data.ID(one)); !blob.IsLost(err) {
		t.Errorf("a chunk passes for a tree: %v", err)
	}
}

func TestAMissingPackIsALossThatNamesIt(t *testing.T) {
	s := newStack(t)
	p := s.pack(seal.DataPack, [][]byte{one}, [][]byte{two})
	s.list(p)
	whole := s.mem.Objects()[packName(p)]
	for what, b := range map[string][]byte{"missing": nil, "empty": {}, "cut": whole[:p.Segments[1].Offset+3]} {
		s.mem.Set(packName(p), b)
		_, err := s.reader().Blob(t.Context(), s.data.ID(two), false)
		damage, ok := errors.AsType[*pack.DamageError](err)
		if !blob.IsLost(err) || !ok || damage.Pack != p.ID {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A run stores packs after this process has read its index: they are listed in a delta, or
// not yet.
func TestAPackThatAppearsLaterIsFound(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	r := s.reader()
	s.wants("at first", r, one)
	s.list(s.pack(seal.DataPack, [][]byte{two}))
	s.wants("listed", r, two)
	s.pack(seal.DataPack, [][]byte{three})
	s.wants("not listed", r, three)
	s.list(s.pack(seal.DataPack, [][]byte{[]byte("four")}))
	x, err := r.Index(t.Context())
	if err != nil || x.Has(s.data.ID([]byte("four"))) {
		t.Fatalf("it is known before anyone has asked: %v", err)
	}
	if err := r.Refresh(t.Context(), x, false); err != nil || !x.Has(s.data.ID([]byte("four"))) {
		t.Errorf("it isn't known after a refresh: %v", err)
	}
}

// A pack is repacked after this process has read its index.
func TestABlobThatHasMovedIsFound(t *testing.T) {
	s := newStack(t)
	old := s.pack(seal.DataPack, [][]byte{one})
	delta := s.list(old)
	r := s.reader()
	s.wants("before", r, one)
	s.list(s.pack(seal.DataPack, [][]byte{two, one}))
	s.mem.Set(object.Deltas.Name(delta), nil)
	s.mem.Set(packName(old), nil)
	r.DropSegments()
	s.wants("after", r, one)
}

func TestABlobIsReadFromWhicheverCopyIsSound(t *testing.T) {
	s := newStack(t)
	a, b := s.pack(seal.DataPack, [][]byte{one}), s.pack(seal.DataPack, [][]byte{two, one})
	s.list(a, b)
	for _, bad := range []*pack.Info{a, b} {
		whole := s.mem.Objects()[packName(bad)]
		s.damage(packName(bad), bad.Segments[0].Offset)
		s.wants("one is damaged", s.reader(), one)
		s.mem.Set(packName(bad), nil)
		s.wants("one is missing", s.reader(), one)
		s.mem.Set(packName(bad), whole)
	}
}

func TestADamagedDeltaCostsTimeOnly(t *testing.T) {
	s := newStack(t)
	delta := s.list(s.pack(seal.DataPack, [][]byte{one}))
	s.list(s.pack(seal.DataPack, [][]byte{two}))
	s.damage(object.Deltas.Name(delta), 70)
	s.wants("damaged", s.reader(), one, two)
	_, err := s.reader().ReadDelta(t.Context(), delta)
	if damage, ok := errors.AsType[*object.DamageError](err); !ok || damage.Object != object.Deltas.Name(delta) {
		t.Errorf("%v", err)
	}
	s.mem.Set(object.Deltas.Name(delta), nil)
	s.wants("missing", s.on(s.mem, object.Options{}, blob.Options{}), one, two)
}

func TestADamagedLocalIndexCostsTimeOnly(t *testing.T) {
	s := newStack(t)
	var all [][]byte
	for i := range byte(20) { // so many deltas that a table is made of them
		all = append(all, []byte{i})
		s.list(s.pack(seal.DataPack, [][]byte{{i}}))
	}
	r := s.reader()
	s.wants("at first", r, all...)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		return os.WriteFile(path, []byte("damaged"), 0o600)
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files, %v", files, err)
	}
	s.wants("damaged", s.reader(), all...)
}

func TestWhatIsUnderANewerKeyIsNotLost(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	ring, err := s.ring.Rotated(fixture.Random(9))
	if err != nil {
		t.Fatal(err)
	}
	later := *s
	later.ring, later.sealer, later.dir = ring, fixture.Sealer(ring), t.TempDir()
	s.mem.Set("epochs/00000002", []byte("x"))
	p := later.pack(seal.DataPack, [][]byte{two})
	for _, listed := range []bool{false, true} {
		if listed {
			later.list(p)
		}
		r := s.reader()
		s.wants("of the own key", r, one)
		if _, err := r.Blob(t.Context(), s.data.ID(two), false); !errors.Is(err, seal.ErrNoKey) || blob.IsLost(err) {
			t.Errorf("listed %v: %v", listed, err)
		}
	}
	later.wants("with the newer key", later.reader(), one, two)
	if _, err := s.reader().PackInfo(t.Context(), p.ID, p.Size); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("what it holds: %v", err)
	}
	s.mem.Set("epochs/00000002", nil) // then the number in the header is damaged
	_, err = s.reader().PackInfo(t.Context(), p.ID, p.Size)
	if damage, ok := errors.AsType[*pack.DamageError](err); !ok || damage.Pack != p.ID {
		t.Errorf("of an epoch that isn't: %v", err)
	}
}

func TestOfTwoCopiesTheOneWhoseKeyIsThereIsRead(t *testing.T) {
	s := newStack(t)
	ring, err := s.ring.Rotated(fixture.Random(9))
	if err != nil {
		t.Fatal(err)
	}
	later := *s
	later.ring, later.sealer = ring, fixture.Sealer(ring)
	for range 8 { // so that some come first in the index
		s.list(later.pack(seal.DataPack, [][]byte{one}))
	}
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	for range 8 {
		s.list(later.pack(seal.DataPack, [][]byte{one}))
	}
	s.wants("of many", s.reader(), one)
}

func TestADamagedPackIsReadFromAReplica(t *testing.T) {
	s := newStack(t)
	p, trees := s.pack(seal.DataPack, [][]byte{one}, [][]byte{two}), s.pack(seal.TreePack, [][]byte{three})
	s.list(p, trees)
	replica := s.mem.Clone()
	s.damage(packName(p), p.Segments[1].Offset)
	s.mem.Set(packName(trees), nil)
	store := object.Options{Replicas: []object.Replica{{Name: "b", Open: func(context.Context) (target.Target, error) { return replica, nil }}}}
	r := s.on(s.mem, store, blob.Options{Dir: s.dir})
	s.wants("with a replica", r, one, two)
	if got, err := r.Tree(t.Context(), s.tree.ID(three)); err != nil || !bytes.Equal(got, three) {
		t.Errorf("a tree is %q, %v", got, err)
	}
	place, err := r.Source(1).Locate(t.Context(), s.data.ID(two))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Source(1).Segment(t.Context(), place.Pack, int(place.Segment), nil); err != nil || !bytes.Equal(got, two) {
		t.Errorf("a segment is %q, %v", got, err)
	}
	if _, err := s.reader().Blob(t.Context(), s.data.ID(two), false); !blob.IsLost(err) {
		t.Errorf("without a replica: %v", err)
	}
}

func TestATargetThatFailsLosesNothing(t *testing.T) {
	s := newStack(t)
	p := s.pack(seal.DataPack, [][]byte{one})
	delta := s.list(p)
	for _, name := range []string{packName(p), object.Deltas.Name(delta)} {
		bad := &fixture.BadSector{Target: s.mem, Name: name, Err: syscall.ECONNRESET}
		r := s.on(bad, object.Options{}, blob.Options{})
		if _, err := r.Blob(t.Context(), s.data.ID(one), false); !errors.Is(err, syscall.ECONNRESET) || blob.IsLost(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := &fixture.BadSector{Target: s.mem, Name: packName(p), Err: syscall.EIO}
	if _, err := s.on(bad, object.Options{}, blob.Options{}).Blob(t.Context(), s.data.ID(one), false); !blob.IsLost(err) || !errors.Is(err, syscall.EIO) {
		t.Errorf("a disk that can't read a pack: %v", err)
	}
}

func TestPacksAreListedWithoutStrangers(t *testing.T) {
	s := newStack(t)
	p := s.pack(seal.DataPack, [][]byte{one, two})
	s.mem.Set("packs/notes", []byte("x"))
	r := s.reader()
	all, err := r.Packs(t.Context())
	if err != nil || !maps.Equal(all, map[pack.ID]int64{p.ID: p.Size}) {
		t.Errorf("%v, %v", all, err)
	}
	info, err := r.PackInfo(t.Context(), p.ID, p.Size)
	if err != nil || info.ID != p.ID || len(info.Blobs) != 2 || !slices.Equal(info.Segments, p.Segments) {
		t.Errorf("it holds %+v, %v", info, err)
	}
	if hash, err := r.PackHash(t.Context(), p.ID); err != nil || hash != p.ID {
		t.Errorf("its hash is %s, %v", hash.Short(), err)
	}
	s.damage(packName(p), p.Size-1)
	if hash, err := r.PackHash(t.Context(), p.ID); err != nil || hash == p.ID {
		t.Errorf("damaged, its hash is the same, %v", err)
	}
	for what, b := range map[string][]byte{"damaged": s.mem.Objects()[packName(p)], "missing": nil, "cut": s.mem.Objects()[packName(p)][:60]} {
		s.mem.Set(packName(p), b)
		_, err := r.PackInfo(t.Context(), p.ID, p.Size)
		if damage, ok := errors.AsType[*pack.DamageError](err); !ok || damage.Pack != p.ID {
			t.Errorf("%s: %v", what, err)
		}
	}
}
