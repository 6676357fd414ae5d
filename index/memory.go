package index

import (
	"bytes"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
)

// memory holds what is not in a table.
type memory struct {
	deltas   map[ID]Delta       // as on the target
	unlisted []*pack.Info       // packs that no delta lists yet
	blobs    map[chunk.ID]int32 // the number of the blob's newest place
	places   []chainedPlace
}

// A chainedPlace is a place and the number of the same blob's previous one, or -1.
type chainedPlace struct {
	Place
	older int32
}

func (m *memory) reset() {
	m.deltas, m.unlisted, m.places = map[ID]Delta{}, nil, nil
	m.blobs = map[chunk.ID]int32{}
}

func (m *memory) add(p *pack.Info) {
	bare := *p
	bare.Blobs = nil
	for _, b := range p.Blobs {
		older, ok := m.blobs[b.ID]
		if !ok {
			older = -1
		}
		m.blobs[b.ID] = int32(len(m.places))
		m.places = append(m.places, chainedPlace{Place{&bare, b.Segment, b.Offset, b.Length}, older})
	}
}

// rebuild rebuilds the maps from the deltas and the unlisted packs.
func (m *memory) rebuild() {
	deltas, loose := m.deltas, m.unlisted
	m.reset()
	seen := map[pack.ID]bool{}
	add := func(p *pack.Info) {
		if !seen[p.ID] {
			seen[p.ID] = true
			m.add(p)
		}
	}
	m.deltas = deltas
	for _, id := range m.inOrder() {
		for _, p := range deltas[id] {
			add(p)
		}
	}
	for _, p := range loose {
		add(p)
	}
	m.unlisted = loose
}

// inOrder returns the deltas in the order of their ids, so that the order in which a
// blob's places are tried doesn't depend on chance.
func (m *memory) inOrder() []ID {
	return slices.SortedFunc(maps.Keys(m.deltas), func(a, b ID) int { return bytes.Compare(a[:], b[:]) })
}

// forget drops the deltas for which gone returns true.
func (m *memory) forget(gone func(ID) bool) {
	before := len(m.deltas)
	maps.DeleteFunc(m.deltas, func(id ID, _ Delta) bool { return gone(id) })
	if len(m.deltas) != before {
		m.rebuild()
	}
}
