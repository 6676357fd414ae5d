// Package prune decides what of a repository is needed no more: which blobs are
// alive, which packs to drop, and which to write anew without what is dead in
// them. It decides only; package repo does it.
package prune

import (
	"encoding/binary"

	"github.com/qsnap/qsnap/chunk"
)

// A Mark says of a living blob how early it was met, counting from 1, and which
// pack it is kept in, 0 for none yet.
type Mark struct{ Order, Keeper uint32 }

// A Live set is the blobs that snapshots reach. Chunks are known by the first 8
// bytes of their ids, in 16 bytes of memory each and as much to grow: two that
// agree in these make a dead one count as alive, which costs its space. Trees are
// known by their whole ids, because what is beneath a tree that was met before is
// passed over.
//
// The zero value is empty and ready to use. It is not safe for concurrent use.
type Live struct {
	trees map[chunk.ID]*Mark
	slots []slot // open addressing; the length is a power of two
	count int
	order uint32
}

type slot struct {
	key  uint64 // 0 is free
	mark Mark
}

// Add makes a blob count as alive, and reports whether it didn't before.
func (l *Live) Add(id chunk.ID, tree bool) bool {
	if l.Mark(id, tree) != nil {
		return false
	}
	l.order++
	mark := Mark{Order: l.order}
	if tree {
		if l.trees == nil {
			l.trees = map[chunk.ID]*Mark{}
		}
		l.trees[id] = &mark
		return true
	}
	if l.count*4 >= len(l.slots)*3 {
		l.grow()
	}
	*l.find(key(id)) = slot{key(id), mark}
	l.count++
	return true
}

// Mark returns the mark of a blob, which may be changed until the next Add, or nil
// if it is dead.
func (l *Live) Mark(id chunk.ID, tree bool) *Mark {
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

// Len returns how many blobs are alive.
func (l *Live) Len() int { return l.count + len(l.trees) }

func key(id chunk.ID) uint64 { return max(1, binary.LittleEndian.Uint64(id[:])) }

// find returns the slot of a key, or the free one where it would be.
func (l *Live) find(key uint64) *slot {
	mask := uint64(len(l.slots) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		if s := &l.slots[i]; s.key == key || s.key == 0 {
			return s
		}
	}
}

func (l *Live) grow() {
	old := l.slots
	l.slots = make([]slot, max(1024, 2*len(old)))
	for _, s := range old {
		if s.key != 0 {
			*l.find(s.key) = s
		}
	}
}
