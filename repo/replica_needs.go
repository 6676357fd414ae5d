package repo

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// survey finds out which of the deltas and packs that are gone here have to stay, by
// what is on the replica alone. A pack stays if it holds something that a snapshot
// reaches and no other pack does, or if a delta that stays lists it; a delta stays if
// it alone lists a pack that does.
func (d *dropper) survey(ctx context.Context, gone map[string]bool) (keptDeltas map[string]bool, err error) {
	if err := addListed(ctx, d.to, object.Packs, d.there); err != nil {
		return nil, err
	}
	lists := map[string]index.Delta{}
	var ids []index.ID
	names, err := listOf(ctx, d.to, object.Deltas)
	if err != nil {
		return nil, err
	}
	for name := range names {
		if id, err := index.ParseID(object.Deltas.Rest(name)); err == nil {
			ids = append(ids, id)
		}
	}
	err = d.e.Index.Update(ctx, ids, func(ctx context.Context, id index.ID) (index.Delta, error) {
		delta, err := d.e.Blobs.ReadDelta(ctx, id)
		if damage := (*DamageError)(nil); errors.As(err, &damage) && gone[object.Deltas.Name(id)] {
			return nil, nil
		}
		short := make(index.Delta, len(delta))
		for i, p := range delta {
			short[i] = &pack.Info{ID: p.ID}
		}
		lists[object.Deltas.Name(id)] = short
		return delta, err
	})
	if err != nil {
		return nil, err
	}
	if _, err := d.e.Blobs.IndexUnlisted(ctx, d.e.Index); err != nil {
		return nil, err
	}
	if err := d.walk(ctx, gone); err != nil {
		return nil, err
	}
	return d.settle(lists, gone), nil
}

// walk notes which packs that are gone here hold something needed that no other pack
// on the replica does.
func (d *dropper) walk(ctx context.Context, gone map[string]bool) error {
	seen := map[chunk.ID]bool{}
	names, err := listOf(ctx, d.to, object.Snapshots)
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
			continue // another replication has removed it
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

// need notes where a blob is.
func (d *dropper) need(id chunk.ID, tree bool, gone map[string]bool) error {
	places, err := d.e.Index.Lookup(id)
	if err != nil {
		return err
	}
	var found *pack.Info
	for _, place := range places {
		name := object.Packs.Name(place.Pack.ID)
		if size, ok := d.there[name]; !ok || size != place.Pack.Size {
			continue
		}
		if !gone[name] {
			return nil
		}
		found = place.Pack
	}
	if found == nil {
		return &LostError{ID: id, Tree: tree}
	}
	d.needed[found.ID] = true
	return nil
}

// settle adds to the packs that are needed those that deltas list which stay, and
// returns these deltas, of those that are gone here.
func (d *dropper) settle(lists map[string]index.Delta, gone map[string]bool) map[string]bool {
	listed, kept := map[pack.ID]bool{}, map[string]bool{}
	keep := func(name string) {
		kept[name] = true
		for _, p := range lists[name] {
			listed[p.ID] = true
			if gone[object.Packs.Name(p.ID)] {
				d.needed[p.ID] = true
			}
		}
	}
	for name := range lists {
		if !gone[name] {
			keep(name)
		}
	}
	for changed := true; changed; {
		changed = false
		for _, name := range slices.Sorted(maps.Keys(lists)) {
			if kept[name] || !slices.ContainsFunc(lists[name], func(p *pack.Info) bool {
				_, there := d.there[object.Packs.Name(p.ID)]
				return there && !listed[p.ID] && (d.needed[p.ID] || !gone[object.Packs.Name(p.ID)])
			}) {
				continue
			}
			keep(name)
			changed = true
		}
	}
	return kept
}
