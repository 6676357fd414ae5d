package index

import (
	"bytes"
	"errors"
	"iter"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/qsnap/qsnap/chunk"
)

// An Item is a blob and one of its places.
type Item struct {
	ID chunk.ID
	Place
}

// All yields every place of every blob, in an order that has no meaning but is the same
// for the same index. A place that several deltas list may be yielded more than once. An
// error ends the sequence. No other method may be called while it runs.
func (x *Index) All() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		x.mu.RLock()
		defer x.mu.RUnlock()
		ids := slices.SortedFunc(maps.Keys(x.memory.blobs), func(a, b chunk.ID) int { return bytes.Compare(a[:], b[:]) })
		for _, id := range ids {
			for i := x.memory.blobs[id]; i >= 0; i = x.memory.places[i].older {
				if !yield(Item{id, x.memory.places[i].Place}, nil) {
					return
				}
			}
		}
		for _, t := range x.tables {
			if err := t.all(yield); err != nil {
				if err != errStop {
					yield(Item{}, err)
				}
				return
			}
		}
	}
}

var errStop = errors.New("stop")

// all yields the places in live packs.
func (t *table) all(yield func(Item, error) bool) error {
	return t.view(func(tx *bolt.Tx) error {
		for n := range t.groups {
			g := &t.groups[n]
			for i := range g.len() {
				number, place, err := g.place(i)
				if err == nil {
					place.Pack, err = t.pack(tx, number)
				}
				if err != nil {
					return err
				}
				if place.Pack != nil && !yield(Item{g.id(i), place}, nil) {
					return errStop
				}
			}
		}
		return nil
	})
}
