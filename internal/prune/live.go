package prune

import (
	"encoding/binary"

	"github.com/qsnap/qsnap/chunk"
)

// A mark records when a live blob was first found, counting from 1, and which pack it is
// kept in, or 0 for none yet.
type mark struct{ order, keeper uint32 }

// A live set is the blobs that snapshots reach. Chunks are identified by the first 8
// bytes of their ids, and take 16 bytes of memory each, twice that while the set grows.
// If a dead chunk shares these bytes with a live one, it counts as live, which costs its
// space. Trees are identified by their whole ids, because what is beneath a tree that was
// found before is skipped.
//
// The zero value is empty and ready to use. It is not safe for concurrent use.
type live struct {
	trees map[chunk.ID]*mark
	slots []slot // open addressing; the length is a power of two
	count int
	order uint32
}

type slot struct {
	key  uint64 // 0 means free
	mark mark
}

// add adds a blob to the live ones, and reports whether it is new there.
func (l *live) add(id chunk.ID, tree bool) bool {
	if l.lookup(id, tree) != nil {
		return false
	}
	l.order++
	m := mark{order: l.order}
	if tree {
		if l.trees == nil {
			l.trees = map[chunk.ID]*mark{}
		}
		l.trees[id] = &m
		return true
	}
	if l.count*4 >= len(l.slots)*3 {
		l.grow()
	}
	*l.find(key(id)) = slot{key(id), m}
	l.count++
	return true
}

// lookup returns the mark of a blob, which may be changed until the next add, or nil if the
// blob is dead.
func (l *live) lookup(id chunk.ID, tree bool) *mark {
	if tree {
		return l.trees[id]
	}
	if l.count == 0 {
		return nil
	}
	if s := l.find(key(id)); s.key != 0 {
		return &s.mark
	}
	return nil
}

// len returns the number of live blobs.
func (l *live) len() int { return l.count + len(l.trees) }

func key(id chunk.ID) uint64 { return max(1, binary.LittleEndian.Uint64(id[:])) }

// find returns the slot of a key, or the free slot for it.
func (l *live) find(key uint64) *slot {
	mask := uint64(len(l.slots) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		if s := &l.slots[i]; s.key == key || s.key == 0 {
			return s
		}
	}
}

func (l *live) grow() {
	old := l.slots
	l.slots = make([]slot, max(1024, 2*len(old)))
	for _, s := range old {
		if s.key != 0 {
			*l.find(s.key) = s
		}
	}
}
