package blob_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// temporary sets the directory of temporary files, and returns what lists it.
func temporary(t *testing.T) func() int {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	if os.TempDir() != dir {
		t.Skip("the directory of temporary files can't be set here")
	}
	return func() int {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
}

func TestWithoutALocalDirectoryTheIndexIsTemporary(t *testing.T) {
	left := temporary(t)
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var warned []error
	for dir, warnings := range map[string]int{"": 0, file: 1} {
		warned = nil
		r := s.on(s.mem, object.Options{}, blob.Options{Dir: dir, Warn: func(err error) { warned = append(warned, err) }})
		s.wants("from "+dir, r, one)
		if left() != 1 {
			t.Errorf("%d temporary directories", left())
		}
		if err := r.Close(); err != nil || left() != 0 {
			t.Errorf("%d temporary directories are left, %v", left(), err)
		}
		if len(warned) != warnings || warnings > 0 && !strings.Contains(warned[0].Error(), dir) {
			t.Errorf("warnings: %v", warned)
		}
	}
}

func TestAnIndexOfItsOwnKnowsNothingAtFirst(t *testing.T) {
	left := temporary(t)
	s := newStack(t)
	p := s.pack(seal.DataPack, [][]byte{one})
	s.list(p)
	r := s.reader()
	x, err := r.UseEmptyIndex()
	if err != nil || x.Has(s.data.ID(one)) {
		t.Fatalf("it knows something, %v", err)
	}
	if again, err := r.Index(t.Context()); again != x || err != nil {
		t.Errorf("another is used, %v", err)
	}
	if err := r.Update(t.Context(), x); err != nil || !x.Has(s.data.ID(one)) {
		t.Errorf("after an update it knows nothing, %v", err)
	}
	if err := r.Close(); err != nil || left() != 0 {
		t.Errorf("%d temporary directories are left, %v", left(), err)
	}
}

func TestPacksThatNoDeltaListsAreIndexed(t *testing.T) {
	s := newStack(t)
	listed, sound, damaged := s.pack(seal.DataPack, [][]byte{one}), s.pack(seal.DataPack, [][]byte{two}), s.pack(seal.DataPack, [][]byte{three})
	s.list(listed)
	s.damage(packName(damaged), damaged.Size-1)
	s.mem.Set("packs/notes", []byte("x"))
	r := s.reader()
	x, err := r.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		added, err := r.IndexUnlisted(t.Context(), x)
		if err != nil || len(added) != 1-i || i == 0 && added[0].ID != sound.ID {
			t.Errorf("added are %v, %v", added, err)
		}
	}
	if !x.Has(s.data.ID(two)) || x.Has(s.data.ID(three)) {
		t.Error("the sound one isn't known, or the damaged one is")
	}
}

func TestAResetMakesTheIndexFromWhatIsListed(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	r := s.reader()
	x, err := r.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x.Add(s.pack(seal.DataPack, [][]byte{two}))
	for _, reset := range []bool{false, true} {
		if err := r.Refresh(t.Context(), x, reset); err != nil || !x.Has(s.data.ID(one)) || x.Has(s.data.ID(two)) == reset {
			t.Errorf("reset %v: what no delta lists is known: %v, %v", reset, x.Has(s.data.ID(two)), err)
		}
	}
}

// Deltas that arrive many at a time are looked at as if they came one after another.
func TestDeltasAreReadOnceWithACache(t *testing.T) {
	s := newStack(t)
	for i := range byte(20) {
		s.list(s.pack(seal.DataPack, [][]byte{{i}}))
	}
	f := &targettest.Faulty{Memory: s.mem}
	dir := t.TempDir()
	for i, want := range []int{21, 1} { // a listing and each delta; then a listing
		r := s.on(f, object.Options{Dir: dir, CacheSize: 1 << 20}, blob.Options{})
		before := f.Ops()
		x, err := r.Index(t.Context())
		if err != nil || !x.Has(s.data.ID([]byte{19})) || f.Ops()-before != want {
			t.Errorf("process %d: %d requests, want %d, %v", i, f.Ops()-before, want, err)
		}
	}
}

func TestADeltaIsReadAsItWasStored(t *testing.T) {
	s := newStack(t)
	p, other := s.pack(seal.DataPack, [][]byte{one, two}), s.pack(seal.TreePack, [][]byte{three})
	r := s.reader()
	id, size, err := r.PutDelta(t.Context(), index.Delta{p})
	if b := s.mem.Objects()[object.Deltas.Name(id)]; err != nil || size != len(b) {
		t.Errorf("it has %d bytes, stored are %d, %v", size, len(b), err)
	}
	d, epoch, err := r.ReadDeltaEpoch(t.Context(), id)
	if err != nil || epoch != 1 || !bytes.Equal(d.Append(nil), index.Delta{p}.Append(nil)) {
		t.Errorf("epoch %d, %v", epoch, err)
	}
	dir := t.TempDir()
	if _, _, err := s.on(s.mem, object.Options{Dir: dir, CacheSize: 1 << 20}, blob.Options{}).PutDelta(t.Context(), index.Delta{other}); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(filepath.Join(dir, "objects")); err != nil || len(files) != 1 {
		t.Errorf("cached are %v, %v", files, err)
	}
	for _, b := range [][]byte{s.seal(seal.Loss, nil), s.seal(seal.IndexDelta, []byte("x")), []byte("not sealed")} {
		strange := index.ID(blake3.Sum256(b))
		s.mem.Set(object.Deltas.Name(strange), b)
		_, err := r.ReadDelta(t.Context(), strange)
		if damage, ok := errors.AsType[*object.DamageError](err); !ok || damage.Object != object.Deltas.Name(strange) {
			t.Errorf("what is no delta: %v", err)
		}
		s.mem.Set(object.Deltas.Name(strange), nil)
	}
	for name := range s.mem.Objects() { // the deltas of the other pack
		if object.Deltas.Has(name) && name != object.Deltas.Name(id) {
			s.mem.Set(name, nil)
		}
	}
	bad := s.list(other)
	if info, err := r.ListedInfo(t.Context(), p.ID); err != nil || info == nil || info.Size != p.Size {
		t.Errorf("%v, %v", info, err)
	}
	s.damage(object.Deltas.Name(bad), 70)
	if info, err := r.ListedInfo(t.Context(), other.ID); err != nil || info != nil {
		t.Errorf("its delta is damaged: %v, %v", info, err)
	}
	f := &targettest.Faulty{Memory: s.mem, Decide: func(targettest.Op) targettest.Fault { return targettest.Fail }}
	if _, _, err := s.on(f, object.Options{}, blob.Options{}).PutDelta(t.Context(), index.Delta{p}); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("a target that fails: %v", err)
	}
}

func TestALostTreeIsFound(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.TreePack, [][]byte{one}))
	r := s.reader()
	x, err := r.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost, seen := map[chunk.ID]bool{}, map[chunk.ID]bool{}
	m := &snapshot.Manifest{Root: snapshot.Entry{Type: snapshot.Dir, Subtree: chunk.ID{9}}}
	if err := r.FindLost(t.Context(), x, m, lost, seen); err != nil || !lost[chunk.ID{9}] || !seen[chunk.ID{9}] || len(lost) != 1 {
		t.Errorf("lost are %v, seen are %v, %v", lost, seen, err)
	}
	clear(lost)
	if err := r.FindLost(t.Context(), x, m, lost, seen); err != nil || len(lost) > 0 {
		t.Errorf("what was seen is looked at again: %v, %v", lost, err)
	}
}

func TestAnIndexThatCantBeMadeLeavesNoTemporaryDirectory(t *testing.T) {
	left := temporary(t)
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	fault := targettest.Fail
	f := &targettest.Faulty{Memory: s.mem, Decide: func(targettest.Op) targettest.Fault { return fault }}
	r := s.on(f, object.Options{}, blob.Options{})
	for range 3 {
		if _, err := r.Index(t.Context()); !errors.Is(err, targettest.ErrFault) || left() != 0 {
			t.Errorf("%d temporary directories are left, %v", left(), err)
		}
	}
	fault = targettest.None
	s.wants("afterwards", r, one)
	if err := r.Close(); err != nil || left() != 0 {
		t.Errorf("closed, %d temporary directories are left, %v", left(), err)
	}
}
