package object_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// put stores an object, which is named by its bytes, and returns its name and id.
func put(t *testing.T, s *object.Store, k object.Kind, b []byte) (name string, id [32]byte) {
	t.Helper()
	id = blake3.Sum256(b)
	name = k.HashName(b)
	if err := s.Put(t.Context(), name, b); err != nil {
		t.Fatal(err)
	}
	return name, id
}

// newLocal returns a target on the local file system.
func newLocal(t *testing.T) *local.Target {
	t.Helper()
	tgt, err := local.Create(filepath.Join(t.TempDir(), "target"))
	if err != nil {
		t.Fatal(err)
	}
	return tgt
}

func TestPutMayBeRepeated(t *testing.T) {
	mem := &targettest.Memory{}
	s := object.On(mem, object.Options{})
	for range 2 {
		if err := s.Put(t.Context(), "index/a", []byte("bytes")); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"bytez", "byte", "bytes and more", ""} {
		err := s.Put(t.Context(), "index/a", []byte(other))
		if err == nil || !strings.Contains(err.Error(), "index/a") {
			t.Errorf("%q in place of other bytes: %v", other, err)
		}
	}
	if got := mem.Objects()["index/a"]; string(got) != "bytes" {
		t.Errorf("the object is %q now", got)
	}
}

func TestPutFindsWhatItsFailedTryHasStored(t *testing.T) {
	fail := targettest.FailAfter
	f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "put" {
			return fail
		}
		return targettest.None
	}}
	s := object.On(f, object.Options{})
	if err := s.Put(t.Context(), "index/a", []byte("bytes")); !errors.Is(err, targettest.ErrFault) {
		t.Fatalf("a put that fails: %v", err)
	}
	fail = targettest.None
	if err := s.Put(t.Context(), "index/a", []byte("bytes")); err != nil {
		t.Error(err)
	}
}

func TestCreateRefusesANameThatIsTaken(t *testing.T) {
	s := object.On(&targettest.Memory{}, object.Options{})
	if err := s.Create(t.Context(), "index/a", []byte("bytes")); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), "index/a", []byte("bytes")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the same bytes once more: %v", err)
	}
}

func TestRemoveWantsItGoneAndDeleteWantsItThere(t *testing.T) {
	s := object.On(&targettest.Memory{}, object.Options{})
	put(t, s, object.Deltas, []byte("bytes"))
	name := object.Deltas.HashName([]byte("bytes"))
	for range 2 {
		if err := s.Remove(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if err := s.Delete(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Delete of what is absent: %v", err)
	}
}

func TestRemoveReportsAFailure(t *testing.T) {
	f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(targettest.Op) targettest.Fault { return targettest.Fail }}
	if err := object.On(f, object.Options{}).Remove(t.Context(), "index/a"); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("%v", err)
	}
}

func TestIDsSkipsStrangers(t *testing.T) {
	mem := &targettest.Memory{}
	s := object.On(mem, object.Options{})
	var want [][32]byte
	for _, b := range []string{"a", "bb", "ccc"} {
		_, id := put(t, s, object.Packs, []byte(b))
		want = append(want, id)
	}
	slices.SortFunc(want, object.Compare)
	digits := strings.Repeat("ab", 32)
	for _, name := range []string{"packs/notes", "packs/cd/" + digits, "packs/" + digits, "index/" + digits} {
		mem.Set(name, []byte("x"))
	}
	var got [][32]byte
	for o, err := range s.IDs(t.Context(), object.Packs) {
		if err != nil {
			t.Fatal(err)
		}
		if size := len(mem.Objects()[object.Packs.Name(o.ID)]); o.Size != int64(size) {
			t.Errorf("%x has %d bytes, listed are %d", o.ID[:4], size, o.Size)
		}
		got = append(got, o.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed are\n%x\nwant\n%x", got, want)
	}
	for range s.IDs(t.Context(), object.Packs) {
		break // a caller may stop at any object
	}
}

func TestIDsEndsWithTheErrorOfTheListing(t *testing.T) {
	f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(targettest.Op) targettest.Fault { return targettest.Fail }}
	var errs []error
	for _, err := range object.On(f, object.Options{}).IDs(t.Context(), object.Deltas) {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], targettest.ErrFault) {
		t.Errorf("%v", errs)
	}
}

func TestListYieldsOneKindOrAll(t *testing.T) {
	s := object.On(&targettest.Memory{}, object.Options{})
	for _, k := range []object.Kind{object.Deltas, object.Deltas, object.Snapshots} {
		name := k.HashName([]byte(k))
		if err := s.Put(t.Context(), name, []byte(k)); err != nil {
			t.Fatal(err)
		}
	}
	for k, want := range map[object.Kind]int{object.Deltas: 1, object.Snapshots: 1, object.Packs: 0, "": 2} {
		n := 0
		for info, err := range s.List(t.Context(), k) {
			if err != nil || !k.Has(info.Name) {
				t.Errorf("%q: %s, %v", k, info.Name, err)
			}
			n++
		}
		if n != want {
			t.Errorf("%q: %d objects, want %d", k, n, want)
		}
	}
}

func TestReadsAreBounded(t *testing.T) {
	s := object.On(&targettest.Memory{}, object.Options{})
	name, _ := put(t, s, object.Deltas, []byte("0123456789"))
	ctx := t.Context()
	if b, err := s.ReadAll(ctx, name, 10); err != nil || string(b) != "0123456789" {
		t.Errorf("ReadAll: %q, %v", b, err)
	}
	if _, err := s.ReadAll(ctx, name, 9); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("ReadAll of more than its limit: %v", err)
	}
	for most, want := range map[int64]string{0: "", 4: "0123", 10: "0123456789", 99: "0123456789"} {
		if b, err := s.ReadFront(ctx, name, most); err != nil || string(b) != want {
			t.Errorf("the first %d bytes: %q, %v", most, b, err)
		}
	}
	buf := make([]byte, 3)
	if err := s.ReadRange(ctx, name, 7, buf); err != nil || string(buf) != "789" {
		t.Errorf("ReadRange: %q, %v", buf, err)
	}
	if err := s.ReadRange(ctx, name, 8, buf); err == nil {
		t.Error("ReadRange beyond the end succeeds")
	}
	for what, err := range map[string]error{
		"ReadRange": s.ReadRange(ctx, "index/absent", 0, buf),
		"ReadAll":   second(s.ReadAll(ctx, "index/absent", 9)),
		"ReadFront": second(s.ReadFront(ctx, "index/absent", 9)),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of what is absent: %v", what, err)
		}
	}
}

// A dribbling target gives one byte at a time.
type dribbling struct{ targettest.Memory }

func (d *dribbling) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	rc, err := d.Memory.Get(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(iotest.OneByteReader(rc)), nil
}

func TestReadsAreWholeHoweverTheBytesArrive(t *testing.T) {
	s := object.On(&dribbling{}, object.Options{})
	name, _ := put(t, s, object.Deltas, []byte("0123456789"))
	buf := make([]byte, 5)
	if err := s.ReadRange(t.Context(), name, 3, buf); err != nil || string(buf) != "34567" {
		t.Errorf("ReadRange: %q, %v", buf, err)
	}
	if b, err := s.ReadAll(t.Context(), name, 99); err != nil || string(b) != "0123456789" {
		t.Errorf("ReadAll: %q, %v", b, err)
	}
	if b, err := s.ReadFront(t.Context(), name, 5); err != nil || string(b) != "01234" {
		t.Errorf("ReadFront: %q, %v", b, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestOnlyARemoteTargetIsAskedForManyObjectsAtOnce(t *testing.T) {
	near, remote := object.On(newLocal(t), object.Options{}), object.On(&targettest.Memory{}, object.Options{})
	if near.Remote() || !remote.Remote() {
		t.Fatalf("local is remote: %v; a server is: %v", near.Remote(), remote.Remote())
	}
	for _, n := range []int{0, 1, 8, 40, 1 << 20} {
		if got := near.AtOnce(n); got != 1 {
			t.Errorf("local: %d of %d at once", got, n)
		}
		if got := remote.AtOnce(n); got < 1 || got > 16 || n >= 8 && got < 2 {
			t.Errorf("remote: %d of %d at once", got, n)
		}
	}
}

func TestATargetThatReplacesIsWarnedOfOnce(t *testing.T) {
	var warned []error
	s := object.On(&targettest.Replacing{}, object.Options{Warn: func(err error) { warned = append(warned, err) }})
	for _, of := range []*object.Store{s, s, s.Fresh()} {
		if yes, err := of.CreatesOnly(t.Context()); yes || err != nil {
			t.Errorf("it never replaces: %v, %v", yes, err)
		}
	}
	if len(warned) != 1 || !errors.Is(warned[0], object.ErrNotCreateOnly) {
		t.Errorf("warnings: %v", warned)
	}
	s = object.On(&targettest.Memory{}, object.Options{Warn: func(err error) { t.Error(err) }})
	if yes, err := s.CreatesOnly(t.Context()); !yes || err != nil {
		t.Errorf("a target that creates only: %v, %v", yes, err)
	}
}

func TestEncodingIsDeterministic(t *testing.T) {
	body := map[string]int{"b": 1, "a": 2, "ccc": 3, "dd": 4}
	first, err := object.Encode(body)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if b, err := object.Encode(body); err != nil || !bytes.Equal(b, first) {
			t.Fatalf("%x, %v; before that %x", b, err, first)
		}
	}
}
