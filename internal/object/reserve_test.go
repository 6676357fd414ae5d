package object_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target/targettest"
)

// A full target has room for some bytes only.
type full struct {
	targettest.Memory
	room int64
}

func (f *full) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	used := size
	for _, b := range f.Objects() {
		used += int64(len(b))
	}
	if used > f.room {
		return &fs.PathError{Op: "put", Path: name, Err: syscall.ENOSPC}
	}
	return f.Memory.Put(ctx, name, body, size)
}

func keepReserve(t *testing.T, s *object.Store) error {
	t.Helper()
	return s.KeepReserve(t.Context(), fixture.Sealer(fixture.Ring(t, 1)), fixture.Random(2))
}

func TestTheReserveIsRandomBytesAndStoredOnce(t *testing.T) {
	puts := 0
	f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "put" {
			puts++
		}
		return targettest.None
	}}
	for range 2 {
		if err := keepReserve(t, object.On(f, object.Options{})); err != nil {
			t.Fatal(err)
		}
	}
	if puts != 1 {
		t.Errorf("it was put %d times", puts)
	}
	b := f.Objects()[object.ReserveName]
	if len(b) < 256<<10 || len(b) > object.MaxReserve {
		t.Errorf("it has %d bytes", len(b))
	}
	body, err := fixture.Sealer(fixture.Ring(t, 1)).Open(seal.Reserve, bytes.Clone(b))
	random := make([]byte, len(body))
	if _, e := io.ReadFull(fixture.Random(2), random); err != nil || e != nil || !bytes.Equal(body, random) {
		t.Errorf("it holds other bytes than the random ones: %v, %v", err, e)
	}
}

func TestWithoutRoomThereIsNoReserve(t *testing.T) {
	f := &full{room: 1000}
	if err := keepReserve(t, object.On(f, object.Options{})); err != nil {
		t.Errorf("a full target: %v", err)
	}
	broken := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(targettest.Op) targettest.Fault { return targettest.Fail }}
	if err := keepReserve(t, object.On(broken, object.Options{})); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("a target that fails: %v", err)
	}
}

func TestTheReserveMakesRoomForWhatDeletingNeeds(t *testing.T) {
	f := &full{room: 300 << 10}
	s := object.On(f, object.Options{})
	if err := keepReserve(t, s); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "packs/a", make([]byte, 40<<10)); err != nil {
		t.Fatal(err)
	}
	store := func() error { return s.Put(t.Context(), "index/a", make([]byte, 20<<10)) }
	if err := store(); !object.IsFull(err) {
		t.Fatalf("the target isn't full: %v", err)
	}
	if err := s.WithReserve(t.Context(), store); err != nil {
		t.Error(err)
	}
	if _, err := s.Stat(t.Context(), object.ReserveName); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the reserve is still there: %v", err)
	}
	f.room = 0
	if err := s.WithReserve(t.Context(), func() error { return s.Put(t.Context(), "index/b", []byte("b")) }); !object.IsFull(err) {
		t.Errorf("without a reserve: %v", err)
	}
}

func TestTheReserveStaysWhereItDoesntHelp(t *testing.T) {
	s := object.On(&targettest.Memory{}, object.Options{})
	if err := keepReserve(t, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{nil, fs.ErrExist, syscall.EIO} {
		n := 0
		if err := s.WithReserve(t.Context(), func() error { n++; return want }); err != want || n != 1 {
			t.Errorf("%v: done %d times, %v", want, n, err)
		}
	}
	if _, err := s.Stat(t.Context(), object.ReserveName); err != nil {
		t.Error(err)
	}
}
