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
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// An IndexRepair says what RepairIndex did.
type IndexRepair struct {
	Packs    int     `json:"packs"`           // that are listed now
	Replaced int     `json:"deltas_replaced"` // index deltas
	Damaged  []error `json:"-"`               // packs that don't tell what they hold; RepairPacks removes them
	// Lost is how many chunks and trees snapshots need that are in no pack.
	Lost int `json:"blobs_lost"`
}

// RepairIndex stores index deltas made from the packs alone, and removes the older
// ones. What snapshots need and no pack holds it notes, so that the next snapshot
// of the same source stores it again where the source still has it.
func (r *Repo) RepairIndex(ctx context.Context) (*IndexRepair, error) {
	if err := r.keys.Current(ctx); err != nil {
		return nil, err
	}
	fresh, err := r.fresh()
	if err != nil {
		return nil, err
	}
	defer fresh.Close()
	run, err := r.box.NewRun()
	if err != nil {
		return nil, err
	}
	l, err := fresh.runs.Begin(ctx, run, runs.Pruning, runs.Record{What: "repair"})
	if err != nil {
		return nil, err
	}
	l.Keep(ctx, nil)
	defer l.Release(ctx)
	var old []string
	for info, err := range fresh.store.List(ctx, object.Deltas) {
		if err != nil {
			return nil, err
		}
		if _, err := index.ParseID(object.Deltas.Rest(info.Name)); err == nil {
			old = append(old, info.Name)
		}
	}
	report := &IndexRepair{Replaced: len(old)}
	kept, err := fresh.listAll(ctx, report)
	if err != nil {
		return nil, err
	}
	for _, name := range old {
		if slices.Contains(kept, name) {
			continue
		}
		if err := fresh.store.Remove(ctx, name); err != nil {
			return nil, err
		}
	}
	report.Lost, err = fresh.noteLosses(ctx)
	return report, err
}

// listAll lists all packs in new deltas, and returns the names of these.
func (r *Repo) listAll(ctx context.Context, report *IndexRepair) (names []string, err error) {
	there, err := r.blobs.Packs(ctx)
	if err != nil {
		return nil, err
	}
	var d index.Delta
	blobs := 0
	store := func() error {
		if len(d) == 0 {
			return nil
		}
		id, _, err := r.blobs.PutDelta(ctx, d)
		if err != nil {
			return err
		}
		names = append(names, object.Deltas.Name(id))
		r.index.MarkListed(id, d)
		d, blobs = nil, 0
		return r.index.Flush()
	}
	for _, id := range slices.SortedFunc(maps.Keys(there), object.Compare) {
		info, err := r.blobs.PackInfo(ctx, id, there[id])
		var damage *pack.DamageError
		if errors.As(err, &damage) {
			report.Damaged = append(report.Damaged, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		report.Packs++
		r.index.Add(info)
		d = append(d, info)
		if blobs += len(info.Blobs); blobs >= maxDeltaBlobs {
			if err := store(); err != nil {
				return nil, err
			}
		}
	}
	return names, store()
}

// noteLosses notes what snapshots need and no pack holds, in place of what was
// noted before, and returns how many blobs these are.
func (r *Repo) noteLosses(ctx context.Context) (int, error) {
	all, err := r.catalog.List(ctx)
	if err != nil {
		return 0, err
	}
	lost, seen := map[chunk.ID]bool{}, map[chunk.ID]bool{}
	for _, l := range all {
		m, err := r.catalog.Manifest(ctx, l)
		if damage := (*DamageError)(nil); errors.As(err, &damage) || errors.Is(err, fs.ErrNotExist) {
			continue // check tells of it
		}
		if err != nil {
			return 0, err
		}
		if err := r.findLost(ctx, r.index, m, lost, seen); err != nil {
			return 0, err
		}
	}
	before, err := r.catalog.Losses(ctx)
	if err != nil {
		return 0, err
	}
	if len(lost) > 0 {
		var ids []chunk.ID
		for id := range lost {
			ids = append(ids, id)
		}
		if err := r.catalog.PutLoss(ctx, ids); err != nil {
			return 0, err
		}
	}
	// What is still lost is in the new object.
	return len(lost), r.catalog.RemoveLosses(ctx, before, func(chunk.ID) bool { return true })
}

// findLost adds what a snapshot reaches and no pack holds. Only trees are remembered as
// seen: chunks are too many for that, and looked up soon.
func (r *Repo) findLost(ctx context.Context, x *index.Index, m *snapshot.Manifest, lost, seen map[chunk.ID]bool) error {
	return snapshot.ReachAll(ctx, r.blobs, m, func(id chunk.ID, tree bool) (bool, error) {
		if tree { // it is read in any case
			if seen[id] {
				return false, nil
			}
			seen[id] = true
			_, err := r.blobs.Blob(ctx, id, true)
			var none *LostError
			if errors.As(err, &none) {
				lost[id] = true
				return false, nil
			}
			return true, err
		}
		places, err := x.Lookup(id)
		if err == nil && len(places) == 0 {
			lost[id] = true
		}
		return true, err
	})
}
