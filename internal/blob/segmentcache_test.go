package blob_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestASegmentInMemoryIsReadOnce(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one, two}, [][]byte{three}))
	f := &targettest.Faulty{Memory: s.mem}
	r := s.on(f, object.Options{}, blob.Options{CacheMemory: 1 << 20})
	s.wants("first", r, one)
	for _, c := range []struct {
		chunk []byte
		ops   int
	}{{one, 0}, {two, 0}, {three, 1}, {one, 0}} {
		before := f.Ops()
		if s.wants("again", r, c.chunk); f.Ops()-before != c.ops {
			t.Errorf("%q: %d requests, want %d", c.chunk, f.Ops()-before, c.ops)
		}
	}
	r.DropSegments()
	before := f.Ops()
	if s.wants("dropped", r, one); f.Ops()-before != 1 {
		t.Errorf("dropped: %d requests", f.Ops()-before)
	}
}

func TestTheMemoryOfSegmentsIsBounded(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{bytesOf(t, 1, 600)}, [][]byte{bytesOf(t, 2, 600)}, [][]byte{bytesOf(t, 3, 300)}))
	f := &targettest.Faulty{Memory: s.mem}
	r := s.on(f, object.Options{}, blob.Options{CacheMemory: 1000})
	s.wants("first", r, bytesOf(t, 1, 600))
	for i, c := range []struct {
		chunk []byte
		ops   int
	}{{bytesOf(t, 3, 300), 1}, {bytesOf(t, 1, 600), 0}, {bytesOf(t, 2, 600), 1}, {bytesOf(t, 3, 300), 1}, {bytesOf(t, 2, 600), 0}, {bytesOf(t, 1, 600), 1}} {
		before := f.Ops()
		if s.wants("again", r, c.chunk); f.Ops()-before != c.ops {
			t.Errorf("read %d: %d requests, want %d", i, f.Ops()-before, c.ops)
		}
	}
}

func TestASegmentThatCouldNotBeReadIsTriedAgain(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	failed := false
	f := &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "get" && object.Packs.Has(op.Name) && !failed {
			failed = true
			return targettest.Fail
		}
		return targettest.None
	}}
	r := s.on(f, object.Options{}, blob.Options{CacheMemory: 1 << 20})
	if _, err := r.Blob(t.Context(), s.data.ID(one), false); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("%v", err)
	}
	s.wants("then", r, one)
}

// One reader waits for a segment that another loads, whose context is cancelled.
func TestAReaderThatWaitsForASegmentIsNotCancelledWithItsLoader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t)
		s.list(s.pack(seal.DataPack, [][]byte{one}))
		hang := true
		f := &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
			if op.Method == "get" && object.Packs.Has(op.Name) && hang {
				hang = false
				return targettest.Hang
			}
			return targettest.None
		}}
		r := s.on(f, object.Options{}, blob.Options{CacheMemory: 1 << 20})
		ctx, cancel := context.WithCancel(t.Context())
		read := func(ctx context.Context) <-chan error {
			done := make(chan error, 1)
			go func() { done <- second(r.Blob(ctx, s.data.ID(one), false)) }()
			synctest.Wait()
			return done
		}
		loads, waits := read(ctx), read(t.Context())
		cancel()
		if err := <-loads; !errors.Is(err, context.Canceled) {
			t.Errorf("the one that loads: %v", err)
		}
		if err := <-waits; err != nil {
			t.Errorf("the one that waits: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }
