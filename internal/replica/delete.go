package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// A deletion deletes from a replica the objects that its repository no longer has.
type deletion struct {
	*replication
	e           *engine.Engine // on the replica, with an index of its own
	here        listing        // in the repository, listed after the replica
	unexplained bool           // also delete snapshots that no record explains

	packs  listing          // on the replica
	needed map[pack.ID]bool // packs that are gone here and needed on the replica
}

// deleteGone deletes the objects that are gone from the repository, as far as the replica
// doesn't need them: manifests first, then the packs that only these reached.
func deleteGone(ctx context.Context, e *engine.Engine, r *replication, unexplained bool) error {
	here, err := listAll(ctx, r.from)
	if err != nil {
		return err
	}
	there, err := engine.FreshOn(e, r.to.ReadOnly(config.ErrReplica))
	if err != nil {
		return err
	}
	defer engine.Close(there)
	d := &deletion{replication: r, e: there, here: here, unexplained: unexplained, packs: listing{}, needed: map[pack.ID]bool{}}
	for _, step := range []func(context.Context) error{d.deleteSnapshots, d.deletePacks, d.deleteRecords, d.deleteKeys} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// gone returns the names, in order, of a kind's objects that only the replica has.
func (d *deletion) gone(kind object.Kind) (names []string) {
	for name := range d.have {
		if kind.Has(name) && !d.here.has(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// remove deletes an object from the replica. If it is locked, a later replication deletes
// it.
func (d *deletion) remove(ctx context.Context, name string) error {
	err := d.to.Remove(ctx, name)
	if _, locked := target.LockedUntil(err); locked {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s from the replica: %w", name, err)
	}
	d.countRemoved(name)
	return nil
}

// deletePacks deletes the deltas and then the packs that are gone here, except for those
// that the replica needs.
func (d *deletion) deletePacks(ctx context.Context) error {
	deltas, packs := d.gone(object.Deltas), d.gone(object.Packs)
	if len(deltas)+len(packs) == 0 {
		return nil
	}
	gone := map[string]bool{}
	for _, name := range slices.Concat(deltas, packs) {
		gone[name] = true
	}
	keptDeltas, err := d.findNeeded(ctx, gone)
	if _, lost := errors.AsType[*blob.LostError](err); lost || isUnreadable(err) {
		d.report.Kept = fmt.Errorf("it can't be told what the replica's snapshots need: %w", err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range deltas {
		if keptDeltas[name] {
			continue
		}
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range packs {
		if id, ok := object.Packs.ID(name); !ok || d.needed[id] {
			continue
		}
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// deleteRecords deletes the records and marks of snapshots that are gone from both, and the
// losses that no longer are any.
func (d *deletion) deleteRecords(ctx context.Context) error {
	for _, name := range d.gone(object.Forgotten) {
		if d.have.has(object.Snapshots.Under(object.Forgotten.Rest(name))) || len(d.report.Unexplained) > 0 {
			continue
		}
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	newest := map[snapshot.ID]uint64{}
	for name := range d.here {
		if id, number, ok := catalog.ParseMarkName(name); ok {
			newest[id] = max(newest[id], number)
		}
	}
	for _, name := range d.gone(object.Marks) {
		id, number, ok := catalog.ParseMarkName(name)
		if !ok || d.have.has(object.Snapshots.Name(id)) && number >= newest[id] {
			continue // it may be lost here
		}
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range d.gone(object.Losses) {
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// deleteKeys deletes the key slots that are gone here, unless no sound and current slot
// would be left on the replica.
func (d *deletion) deleteKeys(ctx context.Context) error {
	gone := d.gone(object.Keys)
	if len(gone) == 0 {
		return nil
	}
	if left, err := d.e.Keys.HasCurrentSlot(ctx, d.here); err != nil || !left {
		return err
	}
	for _, name := range gone {
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
