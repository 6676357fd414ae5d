package blob_test

import (
	"bytes"
	"errors"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target/targettest"
)

// plain returns segments of one chunk each, of so many bytes.
func plain(t *testing.T, sizes ...int) (segments [][][]byte) {
	for i, size := range sizes {
		segments = append(segments, [][]byte{bytesOf(t, byte(i+1), size)})
	}
	return segments
}

// a segmentRef names a segment of a pack.
type segmentRef struct {
	p *pack.Info
	n int
}

func refs(p *pack.Info, numbers ...int) (out []segmentRef) {
	for _, n := range numbers {
		out = append(out, segmentRef{p, n})
	}
	return out
}

func sequence(all []segmentRef) iter.Seq2[*pack.Info, int] {
	return func(yield func(*pack.Info, int) bool) {
		for _, r := range all {
			if !yield(r.p, r.n) {
				return
			}
		}
	}
}

// gets returns a target that counts reads of packs.
func (s *stack) gets() (*targettest.Faulty, *atomic.Int64) {
	n := new(atomic.Int64)
	return &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "get" && object.Packs.Has(op.Name) {
			n.Add(1)
		}
		return targettest.None
	}}, n
}

func TestASourceLocatesChunksAndGivesTheirSegments(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one, two}, [][]byte{three}))
	src := s.reader().Source(2)
	for _, want := range [][]byte{one, two, three} {
		place, err := src.Locate(t.Context(), s.data.ID(want))
		if err != nil {
			t.Fatal(err)
		}
		got, err := src.Segment(t.Context(), place.Pack, int(place.Segment), make([]byte, 0, 5))
		if err != nil || !bytes.Equal(got[place.Offset:place.Offset+place.Length], want) {
			t.Errorf("%q at %d of %q, %v", want, place.Offset, got, err)
		}
		if got, err := src.Chunk(t.Context(), s.data.ID(want)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q, %v", got, err)
		}
		if src.Verify(s.data.ID(want), want) != nil || src.Verify(s.data.ID(want), append(want, 0)) == nil {
			t.Errorf("%q isn't verified, or something else is", want)
		}
	}
	if _, err := src.Locate(t.Context(), chunk.ID{9}); !blob.IsLost(err) {
		t.Errorf("what is in no pack: %v", err)
	}
}

func TestASegmentThatIsDamagedNamesItsPack(t *testing.T) {
	s := newStack(t)
	p := s.pack(seal.DataPack, [][]byte{one}, [][]byte{two})
	s.list(p)
	s.damage(packName(p), p.Segments[1].Offset)
	src := s.reader().Source(1)
	for _, n := range []int{1, 2, 99} {
		_, err := src.Segment(t.Context(), p, n, nil)
		if damage, ok := errors.AsType[*pack.DamageError](err); !ok || damage.Pack != p.ID {
			t.Errorf("segment %d: %v", n, err)
		}
	}
	if got, err := src.Segment(t.Context(), p, 0, nil); err != nil || !bytes.Equal(got, one) {
		t.Errorf("another segment: %q, %v", got, err)
	}
}

func TestPrefetchingReadsNeighboursInOneRequestAndGivesTheSameBytes(t *testing.T) {
	s := newStack(t)
	const large = 3 << 20
	segments := plain(t, 1000, 2000, 3000, large, large, 500, 100_000, 200_000, 700)
	p := s.pack(seal.DataPack, segments...)
	other := s.pack(seal.DataPack, [][]byte{one})
	s.list(p, other)
	for _, c := range []struct {
		what    string
		all     []segmentRef
		packets int
	}{
		{"neighbours", refs(p, 0, 1, 2), 1},
		{"a small gap", refs(p, 5, 7), 1},
		{"a large gap", refs(p, 5, 8), 2},
		{"more than a request reads", refs(p, 2, 3, 4), 2},
		{"two packs", append(refs(p, 0, 1), segmentRef{other, 0}), 2},
		{"two packs, as if they were neighbours", []segmentRef{{other, 0}, {p, 1}}, 2},
		{"back", refs(p, 1, 0), 2},
		{"one that isn't there", refs(p, 0, 99, 1), 1},
		{"none", nil, 0},
	} {
		f, gets := s.gets()
		r := s.on(f, object.Options{}, blob.Options{Dir: s.dir})
		src := r.Source(2)
		if n := src.Requests(sequence(c.all)); n != c.packets {
			t.Errorf("%s: %d requests are foreseen, want %d", c.what, n, c.packets)
		}
		stop := src.Prefetch(t.Context(), sequence(c.all))
		for _, ref := range c.all {
			if ref.n >= len(ref.p.Segments) {
				continue
			}
			want := one
			if ref.p == p {
				want = segments[ref.n][0]
			}
			if got, err := src.Segment(t.Context(), ref.p, ref.n, nil); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: segment %d has %d bytes, %v", c.what, ref.n, len(got), err)
			}
		}
		stop()
		// One request is no sooner if it is made ahead. What isn't on its way is read when it
		// is asked for.
		if n := gets.Load(); c.packets > 1 && n > int64(len(c.all)+c.packets) {
			t.Errorf("%s: %d requests", c.what, n)
		}
	}
}

// All reads are made before anything is asked for.
func TestWhatWasPrefetchedIsNotReadAgain(t *testing.T) {
	s := newStack(t)
	segments := plain(t, 1000, 200_000, 3000, 200_000, 5000)
	p := s.pack(seal.DataPack, segments...)
	s.list(p, s.pack(seal.TreePack, [][]byte{one})) // trees are read ahead otherwise
	gets := new(atomic.Int64)
	read := make(chan struct{}, 99)
	f := &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "get" && object.Packs.Has(op.Name) {
			gets.Add(1)
			read <- struct{}{}
		}
		return targettest.None
	}}
	r := s.on(f, object.Options{}, blob.Options{Dir: s.dir})
	if _, err := r.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	src := r.Source(2)
	stop := src.Prefetch(t.Context(), sequence(refs(p, 0, 2, 4)))
	for range 3 {
		<-read
	}
	for _, n := range []int{4, 0, 2} {
		if got, err := src.Segment(t.Context(), p, n, nil); err != nil || !bytes.Equal(got, segments[n][0]) {
			t.Errorf("segment %d: %d bytes, %v", n, len(got), err)
		}
	}
	if n := gets.Load(); n != 3 {
		t.Errorf("%d requests of 3 segments", n)
	}
	if _, err := src.Segment(t.Context(), p, 0, nil); err != nil || gets.Load() != 4 {
		t.Errorf("asked for again: %d requests, %v", gets.Load(), err)
	}
	stop()
	stop = r.PrefetchBlobs(t.Context(), []blob.Ref{{ID: s.tree.ID(one), Tree: true}, {ID: s.data.ID(segments[1][0])}, {ID: s.data.ID(segments[4][0])}, {ID: chunk.ID{9}}})
	for range 3 {
		<-read
	}
	s.wants("prefetched by their ids", r, segments[4][0], segments[1][0])
	if stop(); gets.Load() != 6 {
		t.Errorf("by their ids: %d requests", gets.Load()-4)
	}
}

func TestAPrefetchThatFailsIsMadeUpForByTheReader(t *testing.T) {
	s := newStack(t)
	segments := plain(t, 1000, 200_000, 3000)
	p := s.pack(seal.DataPack, segments...)
	s.list(p)
	for _, fault := range []targettest.Fault{targettest.Fail, targettest.Hang} {
		failed := 0
		begun := make(chan struct{}, 2)
		f := &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
			if op.Method == "get" && object.Packs.Has(op.Name) && failed < 2 {
				failed++
				begun <- struct{}{}
				return fault
			}
			return targettest.None
		}}
		src := s.on(f, object.Options{}, blob.Options{Dir: s.dir}).Source(2)
		stop := src.Prefetch(t.Context(), sequence(refs(p, 0, 2)))
		<-begun
		<-begun
		if fault == targettest.Hang {
			stop() // what hangs is given up
		}
		for _, n := range []int{0, 2} {
			if got, err := src.Segment(t.Context(), p, n, nil); err != nil || !bytes.Equal(got, segments[n][0]) {
				t.Errorf("fault %d: segment %d has %d bytes, %v", fault, n, len(got), err)
			}
		}
		stop()
	}
}

func TestALocalTargetIsNotReadAhead(t *testing.T) {
	s := newStack(t)
	p := s.pack(seal.DataPack, plain(t, 1000, 2000, 3000)...)
	s.list(p)
	src := s.on(s.local(), object.Options{}, blob.Options{}).Source(1)
	if n := src.Requests(sequence(refs(p, 0, 1, 2))); n != 3 {
		t.Errorf("%d requests are foreseen", n)
	}
	stop := src.Prefetch(t.Context(), sequence(refs(p, 0, 1, 2)))
	defer stop()
	if got, err := src.Segment(t.Context(), p, 1, nil); err != nil || len(got) != 2000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
