package repair

import (
	"context"
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
)

// noteLosses stores which blobs snapshots need and no pack holds, in place of the losses that
// were stored before, and returns how many blobs these are.
func noteLosses(ctx context.Context, e *engine.Engine) (int64, error) {
	all, err := e.Catalog.List(ctx)
	if err != nil {
		return 0, err
	}
	lost, seen := map[chunk.ID]bool{}, map[chunk.ID]bool{}
	for _, l := range all {
		m, err := e.Catalog.Manifest(ctx, l)
		if _, damaged := errors.AsType[*object.DamageError](err); damaged || errors.Is(err, fs.ErrNotExist) {
			continue // check reports it
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
	// The new object has what is still lost.
	return int64(len(lost)), e.Catalog.RemoveLosses(ctx, before, func(chunk.ID) bool { return true })
}

// reindex makes the index from what is on the target now, without packs that were removed.
func reindex(ctx context.Context, e *engine.Engine) error {
	if err := e.Index.Reset(); err != nil {
		return err
	}
	if err := e.Blobs.Update(ctx, e.Index); err != nil {
		return err
	}
	if _, err := e.Blobs.IndexUnlisted(ctx, e.Index); err != nil {
		return err
	}
	e.Blobs.DropSegments()
	return nil
}
