package repair

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/pack"
)

// An IndexReport says what Index did.
type IndexReport struct {
	Packs    int64   // that are listed now
	Replaced int64   // index deltas
	Damaged  []error // why packs don't tell what they hold
	Lost     int64   // blobs that snapshots need and no pack holds
}

// Index stores index deltas made from the packs alone, and removes the older ones.
func Index(ctx context.Context, e *engine.Engine) (report IndexReport, err error) {
	if err := e.Keys.Current(ctx); err != nil {
		return report, err
	}
	fresh, err := engine.Fresh(e)
	if err != nil {
		return report, err
	}
	defer engine.Close(fresh)
	run, err := e.Sealer.NewRun()
	if err != nil {
		return report, err
	}
	l, err := fresh.Runs.Begin(ctx, run, runs.Pruning, runs.Record{What: "repair"})
	if err != nil {
		return report, err
	}
	l.Keep(ctx, nil)
	defer l.Release(ctx)
	var old []index.ID
	for d, err := range fresh.Store.IDs(ctx, object.Deltas) {
		if err != nil {
			return report, err
		}
		old = append(old, d.ID)
	}
	made, err := listAll(ctx, fresh, &report)
	if err != nil {
		return report, err
	}
	for _, id := range old {
		if slices.Contains(made, id) {
			continue
		}
		if err := fresh.Store.Remove(ctx, object.Deltas.Name(id)); err != nil {
			return report, err
		}
	}
	report.Replaced = int64(len(old))
	report.Lost, err = noteLosses(ctx, fresh)
	return report, err
}

// listAll lists all packs in new deltas, and returns these.
func listAll(ctx context.Context, e *engine.Engine, report *IndexReport) (made []index.ID, err error) {
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
		made = append(made, id)
		e.Index.MarkListed(id, d)
		d, blobs = nil, 0
		return e.Index.Flush()
	}
	for _, id := range slices.SortedFunc(maps.Keys(there), object.Compare) {
		info, err := e.Blobs.PackInfo(ctx, id, there[id])
		if _, damaged := errors.AsType[*pack.DamageError](err); damaged {
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
	return made, store()
}
