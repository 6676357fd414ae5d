//go:build scale && linux

package scale

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
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

// An indexCost is what an index costs. The times are printed and not compared: they say as
// much about what else the machine does.
type indexCost struct {
	written, allocated float64 // bytes for each blob, until it is in a table
	opening            uint64  // bytes that are allocated
	present, absent    float64 // pages that a look-up reads, see pagesRead

	builtIn, openedIn, presentIn, absentIn time.Duration
}

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
	var making effort // of deltas, which the target would hold
	start := effortSoFar(t)
	err = x.Update(context.Background(), listed, func(_ context.Context, id index.ID) (index.Delta, error) {
		began := effortSoFar(t)
		plain := plainDelta(t, firsts[id], min(perDelta, blobs-firsts[id]))
		making = making.plus(effortSoFar(t).minus(began))
		return index.ParseDelta(plain)
	})
	if err == nil {
		err = x.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	building := effortSoFar(t).minus(start).minus(making)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	m := &measured{blobs: blobs, cost: indexCost{
		written:   float64(building.written) / float64(blobs),
		allocated: float64(building.allocated) / float64(blobs),
		builtIn:   building.processor,
	}}

	start = effortSoFar(t)
	if m.Index, err = index.Open(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	if err := m.Update(context.Background(), listed, nil); err != nil {
		t.Fatal(err)
	}
	opening := effortSoFar(t).minus(start)
	m.cost.opening, m.cost.openedIn = opening.allocated, opening.processor

	tables := mappingsIn(t, dir)
	m.cost.present, m.cost.presentIn = m.lookUp(t, tables, 0, 1)
	m.cost.absent, m.cost.absentIn = m.lookUp(t, tables, 1<<30, 0)
	return m
}

// lookUp looks up blobs in random order, each of which has that many places. It returns
// how many pages of the tables a look-up reads, and how long one takes.
func (m *measured) lookUp(t *testing.T, tables []mapping, from uint64, places int) (pages float64, took time.Duration) {
	t.Helper()
	random := rand.New(rand.NewPCG(m.blobs, from))
	find := func(id chunk.ID) {
		if found, err := m.Lookup(id); err != nil || len(found) != places {
			t.Fatalf("%s: %d places, %v; want %d", id.Short(), len(found), err, places)
		}
	}
	const counted, batches = 1000, 200
	ids := make([]chunk.ID, 1000)
	for range batches { // after which the descriptions of all packs are in memory
		for i := range ids {
			ids[i] = blobID(from + random.Uint64N(m.blobs))
		}
		start := processorTime()
		for _, id := range ids {
			find(id)
		}
		took += processorTime() - start
	}
	var read int64
	for range counted {
		id := blobID(from + random.Uint64N(m.blobs))
		read += pagesRead(t, tables, func() { find(id) })
	}
	return float64(read) / counted, took / time.Duration(batches*len(ids))
}

// A group is searched within a few pages however badly that is done. But looking at one
// entry after another takes more than this, and a look-up as it is takes a twentieth.
const farTooLong = 20 * time.Microsecond

// What a blob costs in an index of ten million may be this many times what it costs in
// one of a million.
const maxGrowth = 1.5

func TestAnIndexOfTenMillionBlobs(t *testing.T) {
	memory := watchMemory(os.Getpid(), "RssAnon:")
	small, large := measureIndex(t, 1_000_000), measureIndex(t, 10_000_000)
	anonymous := memory.stop()
	for _, m := range []*measured{small, large} {
		t.Logf("%d blobs: %+v", m.blobs, m.cost)
	}
	t.Logf("at most %d MiB of anonymous memory", anonymous>>20)
	one, ten := small.cost, large.cost
	atMost(t, "MiB of anonymous memory", anonymous>>20, 150)
	atMost(t, "bytes that opening allocates", ten.opening, 4<<20)
	atMost(t, "pages that a look-up reads", ten.present, 6)
	atMost(t, "pages that a look-up of what isn't there reads", ten.absent, 2)
	atMost(t, "pages that a look-up reads among ten million, against one million", ten.present/one.present, maxGrowth)
	atMost(t, "a look-up", ten.presentIn, farTooLong)
	atMost(t, "bytes written for a blob", ten.written, 250)
	atMost(t, "bytes written for a blob among ten million, against one million", ten.written/one.written, maxGrowth)
	atMost(t, "bytes allocated for a blob among ten million, against one million", ten.allocated/one.allocated, maxGrowth)
}
