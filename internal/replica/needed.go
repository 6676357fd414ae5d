package replica

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// findNeeded finds the deltas and packs that are gone here and have to stay on the replica,
// from what is on the replica alone. A pack stays if a snapshot reaches a blob that no other
// pack has, or if a delta that stays lists it. A delta stays if it alone lists a pack that
// stays.
func (d *deletion) findNeeded(ctx context.Context, gone map[string]bool) (keptDeltas map[string]bool, err error) {
	if err := d.packs.addKind(ctx, d.to, object.Packs); err != nil {
		return nil, err
	}
	lists, err := d.readDeltas(ctx, gone)
	if err != nil {
		return nil, err
	}
	if _, err := d.e.Blobs.IndexUnlisted(ctx, d.e.Index); err != nil {
		return nil, err
	}
	if err := d.findReached(ctx, gone); err != nil {
		return nil, err
	}
	return d.keepListed(lists, gone), nil
}

// readDeltas makes the index of the replica's deltas, and returns which packs each delta
// lists. A damaged delta that is gone here lists none.
func (d *deletion) readDeltas(ctx context.Context, gone map[string]bool) (map[string][]pack.ID, error) {
	names, err := listKind(ctx, d.to, object.Deltas)
	if err != nil {
		return nil, err
	}
	var ids []index.ID
	for name := range names {
		if id, err := index.ParseID(object.Deltas.Rest(name)); err == nil {
			ids = append(ids, id)
		}
	}
	lists := map[string][]pack.ID{}
	err = d.e.Index.Update(ctx, ids, func(ctx context.Context, id index.ID) (index.Delta, error) {
		name := object.Deltas.Name(id)
		delta, err := d.e.Blobs.ReadDelta(ctx, id)
		if _, damaged := errors.AsType[*object.DamageError](err); damaged && gone[name] {
			return nil, nil
		}
		packs := make([]pack.ID, len(delta))
		for i, p := range delta {
			packs[i] = p.ID
		}
		lists[name] = packs
		return delta, err
	})
	return lists, err
}

// findReached finds the packs that are gone here and hold a blob that a snapshot on the
// replica reaches and no other pack there has.
func (d *deletion) findReached(ctx context.Context, gone map[string]bool) error {
	seen := map[chunk.ID]bool{}
	names, err := listKind(ctx, d.to, object.Snapshots)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		id, err := snapshot.ParseID(object.Snapshots.Rest(name))
		if err != nil {
			continue
		}
		m, err := d.e.Catalog.Read(ctx, id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another replication has deleted it
		}
		if err != nil {
			return err
		}
		err = snapshot.ReachAll(ctx, d.e.Blobs, m, func(id chunk.ID, tree bool) (bool, error) {
			if seen[id] {
				return false, nil
			}
			seen[id] = true
			return true, d.need(id, tree, gone)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// need makes a pack needed that holds a blob, unless one that isn't gone holds it, too.
func (d *deletion) need(id chunk.ID, tree bool, gone map[string]bool) error {
	places, err := d.e.Index.Lookup(id)
	if err != nil {
		return err
	}
	var found *pack.Info
	for _, place := range places {
		name := object.Packs.Name(place.Pack.ID)
		if size, ok := d.packs[name]; !ok || size != place.Pack.Size {
			continue
		}
		if !gone[name] {
			return nil
		}
		found = place.Pack
	}
	if found == nil {
		return &blob.LostError{ID: id, Tree: tree}
	}
	d.needed[found.ID] = true
	return nil
}

// keepListed makes the packs needed that a delta lists which stays, and returns the deltas
// that stay.
func (d *deletion) keepListed(lists map[string][]pack.ID, gone map[string]bool) map[string]bool {
	listed, kept := map[pack.ID]bool{}, map[string]bool{}
	isGone := func(id pack.ID) bool { return gone[object.Packs.Name(id)] }
	keep := func(name string) {
		kept[name] = true
		for _, id := range lists[name] {
			listed[id] = true
			if isGone(id) {
				d.needed[id] = true
			}
		}
	}
	for name := range lists {
		if !gone[name] {
			keep(name)
		}
	}
	unlisted := func(id pack.ID) bool {
		return d.packs.has(object.Packs.Name(id)) && !listed[id] && (d.needed[id] || !isGone(id))
	}
	// A delta that is kept makes all its packs needed, so that others may have to stay, too.
	for changed := true; changed; {
		changed = false
		for _, name := range slices.Sorted(maps.Keys(lists)) {
			if !kept[name] && slices.ContainsFunc(lists[name], unlisted) {
				keep(name)
				changed = true
			}
		}
	}
	return kept
}
