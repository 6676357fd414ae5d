package index

import (
	"bytes"
	"encoding/binary"
	"sort"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
)

// A group is a run of consecutive entries of a table. It is stored in a bucket of its
// own, whose name is the last id of the group, as
//
//	number of entries        8 bytes, big-endian
//	filter
//	of each, the id's start  8 bytes
//	of each, the rest:
//	    of the id            24 bytes
//	    place                16 bytes: the pack's number, segment, offset, length, big-endian
//
// All places of a blob are in one group. The cost of a look-up in a large table is
// accesses to memory that is in no cache of the processor. So the positions of the groups
// are kept in memory, and an id is searched for among the starts alone. Ids are evenly
// distributed, so the first guess is close, and the second is nearly right.
type group struct {
	last    chunk.ID
	before  uint64  // start of the last id of the previous group
	density float64 // entries per possible start

	// These point into the mapped file and are valid only during view.
	filter filter
	starts []byte
	rests  []byte
}

const (
	groupBlobs = 64 << 10 // entries in a group; a few more if its last blob has several places
	startSize  = 8
	restIDSize = chunk.IDSize - startSize
	restSize   = entrySize - startSize
)

// groupKey is the key of the group in its bucket. Its length aligns the filter's blocks
// to cache lines.
var groupKey = []byte("the filter, then entries")

func idStart(id *chunk.ID) uint64 { return binary.BigEndian.Uint64(id[:]) }

// parseGroup parses a stored group. previous is the group before it, or nil. A malformed
// group is errTable.
func parseGroup(last, v []byte, previous *group) (g group, err error) {
	if len(last) != chunk.IDSize || len(v) < 8 {
		return g, errTable
	}
	count := binary.BigEndian.Uint64(v)
	v = v[8:]
	if count == 0 || count > uint64(len(v)/entrySize) || filterSize(int(count))+int(count)*entrySize != len(v) {
		return g, errTable
	}
	g.last = chunk.ID(last)
	if previous != nil {
		g.before = idStart(&previous.last)
	}
	blocks := filterSize(int(count))
	g.filter, v = filter(v[:blocks]), v[blocks:]
	g.density = float64(count) / float64(idStart(&g.last)-g.before)
	g.starts, g.rests = v[:count*startSize], v[count*startSize:]
	return g, nil
}

func (g *group) len() int { return len(g.rests) / restSize }

func (g *group) start(i int) uint64 { return binary.BigEndian.Uint64(g.starts[i*startSize:]) }

func (g *group) rest(i int) []byte { return g.rests[i*restSize:][:restSize] }

func (g *group) id(i int) (id chunk.ID) {
	copy(id[:], g.starts[i*startSize:][:startSize])
	copy(id[startSize:], g.rest(i))
	return id
}

// place returns the pack's number and the other fields of a place.
func (g *group) place(i int) (number uint32, p Place, err error) {
	b := g.rest(i)[restIDSize:]
	number = binary.BigEndian.Uint32(b)
	p = Place{nil, binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])}
	if max(p.Segment, p.Offset, p.Length) > pack.MaxSegment {
		return 0, p, errTable
	}
	return number, p, nil
}

// find returns the position of a blob's first entry, and the number of its entries.
func (g *group) find(id *chunk.ID) (at, n int) {
	start, rest := idStart(id), id[startSize:]
	same := func(i int) bool { return i < g.len() && g.start(i) == start }
	at = g.search(start)
	for same(at) && bytes.Compare(g.rest(at)[:restIDSize], rest) < 0 {
		at++
	}
	for same(at+n) && bytes.Equal(g.rest(at + n)[:restIDSize], rest) {
		n++
	}
	return at, n
}

// search guesses a few times, then moves step by step. Unevenly distributed ids must not
// make it slow.
const (
	searchGuesses = 3
	searchSteps   = 32
)

// search returns how many entries have a smaller start.
func (g *group) search(want uint64) int {
	at, from := 0, g.before
	for range searchGuesses {
		at += int((float64(want) - float64(from)) * g.density)
		at = max(0, min(at, g.len()-1))
		from = g.start(at)
	}
	for range searchSteps {
		switch {
		case at < g.len() && g.start(at) < want:
			at++
		case at > 0 && g.start(at-1) >= want:
			at--
		default:
			return at
		}
	}
	return sort.Search(g.len(), func(i int) bool { return g.start(i) >= want })
}

// A groupBuilder builds groups from entries in order.
type groupBuilder struct {
	last          chunk.ID
	starts, rests []byte
	value         []byte
}

func (b *groupBuilder) add(e *entry) {
	b.last = e.id
	b.starts = append(b.starts, e.id[:startSize]...)
	b.rests = append(b.rests, e.id[startSize:]...)
	for _, v := range [...]uint32{e.pack, e.place.Segment, e.place.Offset, e.place.Length} {
		b.rests = binary.BigEndian.AppendUint32(b.rests, v)
	}
}

func (b *groupBuilder) len() int { return len(b.rests) / restSize }

// take returns the group built so far and begins another. The result is valid until the
// next take.
func (b *groupBuilder) take() []byte {
	b.value = binary.BigEndian.AppendUint64(b.value[:0], uint64(b.len()))
	b.value = appendFilter(b.value, b.rests)
	b.value = append(b.value, b.starts...)
	b.value = append(b.value, b.rests...)
	b.starts, b.rests = b.starts[:0], b.rests[:0]
	return b.value
}
