//go:build scale && linux

package scale

import (
	"cmp"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// Packs as a source tree makes them: of 16 MiB, with chunks of a dozen KiB, 200 to
// a segment; and 64 of them in a delta.
const (
	blobsPerPack    = 1250
	blobsPerSegment = 200
	packsPerDelta   = 64
	blobSize        = 10_000
)

func blobID(n uint64) (id chunk.ID) {
	r := rand.NewPCG(n, 17)
	for i := 0; i < len(id); i += 8 {
		binary.LittleEndian.PutUint64(id[i:], r.Uint64())
	}
	return id
}

// plainDelta returns the delta that lists the blobs from first on, as it is stored.
func plainDelta(t testing.TB, first, count uint64) []byte {
	header, err := seal.ParseHeader(append([]byte("qsnapD\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00"), make([]byte, 32)...))
	if err != nil {
		t.Fatal(err)
	}
	var d index.Delta
	for end := first + count; first < end; first += blobsPerPack {
		p := &pack.Info{ID: pack.ID(blobID(1<<40 + first)), Header: header, Size: 16 << 20}
		for i := range min(blobsPerPack, end-first) {
			if i%blobsPerSegment == 0 {
				p.Segments = append(p.Segments, pack.Segment{Stored: 1 << 19, Plain: blobsPerSegment * blobSize, Codec: pack.Zstd})
			}
			p.Blobs = append(p.Blobs, pack.Blob{ID: blobID(first + i), Segment: uint32(i / blobsPerSegment), Length: blobSize})
		}
		d = append(d, p)
	}
	return d.Append(nil)
}

// An indexCost is how long it takes to open an index; and, in processor time, to build
// it, to look up a blob and to find that one isn't there.
type indexCost struct{ open, build, present, absent time.Duration }

// A measured index is open.
type measured struct {
	*index.Index
	blobs uint64
	cost  indexCost
}

// measureIndex builds an index of that many blobs from its deltas, and opens it again.
func measureIndex(t *testing.T, blobs uint64) *measured {
	const perDelta = packsPerDelta * blobsPerPack
	var listed []index.ID
	firsts := map[index.ID]uint64{}
	for first := uint64(0); first < blobs; first += perDelta {
		id := index.ID(blobID(1<<50 + first))
		listed, firsts[id] = append(listed, id), first
	}
	dir := t.TempDir()
	x, err := index.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var making time.Duration // of deltas, which the target would hold
	start := processorTime()
	err = x.Update(context.Background(), listed, func(_ context.Context, id index.ID) (index.Delta, error) {
		began := processorTime()
		plain := plainDelta(t, firsts[id], min(perDelta, blobs-firsts[id]))
		making += processorTime() - began
		return index.ParseDelta(plain)
	})
	if err == nil {
		err = x.Settle()
	}
	if err != nil {
		t.Fatal(err)
	}
	m := &measured{blobs: blobs}
	m.cost.build = processorTime() - start - making
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	if m.Index, err = index.Open(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	if err := m.Update(context.Background(), listed, nil); err != nil {
		t.Fatal(err)
	}
	m.cost.open = time.Since(began)
	return m
}

// Look-ups are measured in batches, of which half take no longer than what counts, in
// the best of some rounds.
const (
	rounds  = 3
	batches = 300
	lookups = 1000 // in a batch
)

// lookUp measures look-ups in random order. The indexes take turns, so that what else
// the machine does is the same for all. Before each batch as much data as its blobs have
// passes through the caches of the processor, as it does when a snapshot is taken: else
// a small index would stay there.
func lookUp(t *testing.T, indexes ...*measured) {
	t.Helper()
	ids, passing := make([]chunk.ID, lookups), make([]byte, lookups*blobSize)
	batch := func(m *measured, from uint64, want int) time.Duration {
		for i := range ids {
			ids[i] = blobID(from + rand.Uint64N(m.blobs))
		}
		for i := range passing {
			passing[i]++
		}
		start := processorTime()
		for _, id := range ids {
			if places, err := m.Lookup(id); err != nil || len(places) != want {
				t.Fatalf("%s: %d places, %v; want %d", id.Short(), len(places), err, want)
			}
		}
		return processorTime() - start
	}
	for range rounds {
		present, absent := make([][]time.Duration, len(indexes)), make([][]time.Duration, len(indexes))
		for range batches {
			for i, m := range indexes {
				present[i] = append(present[i], batch(m, 0, 1))
				absent[i] = append(absent[i], batch(m, 1<<30, 0))
			}
		}
		for i, m := range indexes {
			m.cost.present = least(m.cost.present, median(present[i])/lookups)
			m.cost.absent = least(m.cost.absent, median(absent[i])/lookups)
		}
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// least returns the lesser duration, or the only one there is.
func least(a, b time.Duration) time.Duration { return min(cmp.Or(a, b), b) }

// What a blob's cost may grow by from one to ten million, and what a single look-up may:
// that is a few accesses to memory, and one of them takes up to half as long again in
// ten times as much of it, on a virtual machine above all.
const (
	maxGrowth       = 1.5
	maxLookUpGrowth = 1.75
)

func TestAnIndexOfTenMillionBlobs(t *testing.T) {
	memory := watchMemory(os.Getpid(), "RssAnon:")
	const small, large = 1_000_000, 10_000_000
	s, l := measureIndex(t, small), measureIndex(t, large)
	lookUp(t, s, l)
	one, ten, anonymous := s.cost, l.cost, memory.stop()
	for _, m := range []*measured{s, l} {
		t.Logf("%d blobs: built in %v, opened in %v, looked up in %v, found missing in %v", m.blobs, m.cost.build, m.cost.open, m.cost.present, m.cost.absent)
	}
	t.Logf("at most %d MiB of anonymous memory", anonymous>>20)
	atMost(t, "opening", ten.open, 50*time.Millisecond)
	atMost(t, "a look-up", ten.present, 3*time.Microsecond)
	atMost(t, "a look-up of what isn't there", ten.absent, 3*time.Microsecond)
	atMost(t, "building", ten.build, 60*time.Second)
	atMost(t, "MiB of anonymous memory", anonymous>>20, 150)
	atMost(t, "building a blob among ten million, against one million", growth(one.build, small, ten.build, large), maxGrowth)
	atMost(t, "a look-up among ten million, against one million", growth(one.present, 1, ten.present, 1), maxLookUpGrowth)
	atMost(t, "a look-up of what isn't there, against one million", growth(one.absent, 1, ten.absent, 1), maxLookUpGrowth)
	each := func(c indexCost, blobs int) time.Duration { return c.build/time.Duration(blobs) + c.present + c.absent }
	atMost(t, "all that a blob costs among ten million, against one million", growth(each(one, small), 1, each(ten, large), 1), maxGrowth)
}
