package index

import (
	"bytes"
	"encoding/binary"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
)

// A group is a stretch of a table's entries in order, as it is stored under the
// last of their ids:
//
//	for each entry:
//	    id         32 bytes
//	    place      16 bytes: the pack's number, segment, offset, length, big-endian
//
// All places of a blob are in one group. A group, not a blob, is what bbolt finds: in
// the group itself an entry is found by what its id begins with, as ids are spread
// evenly. That takes a third of the accesses to memory, which are the cost of a
// look-up in a large table.
type group []byte

const (
	groupBlobs = 1024 // entries in a group, a few more at most where a blob has several places
)

// parseGroup returns a stored group, or errTable.
func parseGroup(v []byte) (group, error) {
	if len(v)%entrySize != 0 {
		return nil, errTable
	}
	return group(v), nil
}

func (g group) len() int { return len(g) / entrySize }

func (g group) id(i int) []byte { return g[i*entrySize:][:chunk.IDSize] }

// place returns the pack's number and the rest of a place.
func (g group) place(i int) (number uint32, p Place, err error) {
	b := g[i*entrySize:][chunk.IDSize:entrySize]
	number = binary.BigEndian.Uint32(b)
	p = Place{nil, binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])}
	if max(p.Segment, p.Offset, p.Length) > pack.MaxSegment {
		return 0, p, errTable
	}
	return number, p, nil
}

// find returns where the entries of a blob begin, and how many there are. It is told
// the last id in the group.
func (g group) find(id *chunk.ID, last []byte) (at, n int) {
	at = g.search(id, last)
	for at+n < g.len() && bytes.Equal(g.id(at+n), id[:]) {
		n++
	}
	return at, n
}

// search returns how many entries are before an id: at least lo and at most hi, which
// close in on it.
func (g group) search(id *chunk.ID, end []byte) int {
	if len(g) == 0 || len(end) != chunk.IDSize {
		return 0
	}
	want := idStart(id[:])
	lo, hi := 0, g.len()
	first, last := idStart(g.id(lo)), idStart(end)
	for lo < hi {
		guess := lo
		if want >= last {
			guess = hi - 1
		} else if want > first {
			guess += int(uint64(hi-lo) * (want - first) / (last - first))
		}
		found := g.id(guess)
		if bytes.Compare(found, id[:]) < 0 {
			lo, first = guess+1, idStart(found)
		} else {
			hi, last = guess, idStart(found)
		}
	}
	return lo
}

// idStart returns the first 6 bytes of an id.
func idStart(id []byte) uint64 { return binary.BigEndian.Uint64(id) >> 16 }

// A groupBuilder makes groups of entries that come in order.
type groupBuilder struct{ group []byte }

func (b *groupBuilder) add(e *entry) {
	b.group = append(b.group, e.id[:]...)
	for _, v := range [...]uint32{e.pack, e.place.Segment, e.place.Offset, e.place.Length} {
		b.group = binary.BigEndian.AppendUint32(b.group, v)
	}
}

func (b *groupBuilder) full() bool { return len(b.group) >= groupBlobs*entrySize }

// take returns the group so far and the id it is stored under, and begins another.
func (b *groupBuilder) take() (key, value []byte) {
	value = bytes.Clone(b.group) // bbolt uses it until the transaction ends
	key = group(value).id(group(value).len() - 1)
	b.group = b.group[:0]
	return key, value
}
