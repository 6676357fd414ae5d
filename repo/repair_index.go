package repo

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/pack"
)

// An IndexRepair says what RepairIndex did.
type IndexRepair struct {
	Packs    int     `json:"packs"`           // that are listed now
	Replaced int     `json:"deltas_replaced"` // index deltas
	Damaged  []error `json:"-"`               // packs that don't tell what they hold; RepairPacks removes them
	// Lost is how many chunks and trees snapshots need that are in no pack.
	Lost int `json:"blobs_lost"`
}

func repairIndex(ctx context.Context, e *engine.Engine) (*IndexRepair, error) {
	if err := e.Keys.Current(ctx); err != nil {
		return nil, err
	}
	fresh, err := engine.Fresh(e)
	if err != nil {
		return nil, err
	}
	defer engine.Close(fresh)
	run, err := e.Sealer.NewRun()
	if err != nil {
		return nil, err
	}
	l, err := fresh.Runs.Begin(ctx, run, runs.Pruning, runs.Record{What: "repair"})
	if err != nil {
		return nil, err
	}
	l.Keep(ctx, nil)
	defer l.Release(ctx)
	var old []string
	for info, err := range fresh.Store.List(ctx, object.Deltas) {
		if err != nil {
			return nil, err
		}
		if _, err := index.ParseID(object.Deltas.Rest(info.Name)); err == nil {
			old = append(old, info.Name)
		}
	}
	report := &IndexRepair{Replaced: len(old)}
	kept, err := listAll(ctx, fresh, report)
	if err != nil {
		return nil, err
	}
	for _, name := range old {
		if slices.Contains(kept, name) {
			continue
		}
		if err := fresh.Store.Remove(ctx, name); err != nil {
			return nil, err
		}
	}
	report.Lost, err = noteLosses(ctx, fresh)
	return report, err
}

// listAll lists all packs in new deltas, and returns the names of these.
func listAll(ctx context.Context, e *engine.Engine, report *IndexRepair) (names []string, err error) {
	there, err := e.Blobs.Packs(ctx)
	if err != nil {
		return nil, err
	}
	var d index.Delta
	blobs := 0
	store := func() error {
		if len(d) == 0 {
			return nil
		}
		id, _, err := e.Blobs.PutDelta(ctx, d)
		if err != nil {
			return err
		}
		names = append(names, object.Deltas.Name(id))
		e.Index.MarkListed(id, d)
		d, blobs = nil, 0
		return e.Index.Flush()
	}
	for _, id := range slices.SortedFunc(maps.Keys(there), object.Compare) {
		info, err := e.Blobs.PackInfo(ctx, id, there[id])
		var damage *pack.DamageError
		if errors.As(err, &damage) {
			report.Damaged = append(report.Damaged, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		report.Packs++
		e.Index.Add(info)
		d = append(d, info)
		if blobs += len(info.Blobs); blobs >= blob.MaxDeltaBlobs {
			if err := store(); err != nil {
				return nil, err
			}
		}
	}
	return names, store()
}

// noteLosses notes what snapshots need and no pack holds, in place of what was
// noted before, and returns how many blobs these are.
func noteLosses(ctx context.Context, e *engine.Engine) (int, error) {
	all, err := e.Catalog.List(ctx)
	if err != nil {
		return 0, err
	}
	lost, seen := map[chunk.ID]bool{}, map[chunk.ID]bool{}
	for _, l := range all {
		m, err := e.Catalog.Manifest(ctx, l)
		if damage := (*DamageError)(nil); errors.As(err, &damage) || errors.Is(err, fs.ErrNotExist) {
			continue // check tells of it
		}
		if err != nil {
			return 0, err
		}
		if err := e.Blobs.FindLost(ctx, e.Index, m, lost, seen); err != nil {
			return 0, err
		}
	}
	before, err := e.Catalog.Losses(ctx)
	if err != nil {
		return 0, err
	}
	if len(lost) > 0 {
		var ids []chunk.ID
		for id := range lost {
			ids = append(ids, id)
		}
		if err := e.Catalog.PutLoss(ctx, ids); err != nil {
			return 0, err
		}
	}
	// What is still lost is in the new object.
	return len(lost), e.Catalog.RemoveLosses(ctx, before, func(chunk.ID) bool { return true })
}
