package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/snapshot"
)

func estimateSnapshot(ctx context.Context, e *engine.Engine, src Source, o SnapshotOptions) (*snapshot.Manifest, Cost, error) {
	dry, err := engine.Dry(e)
	if err != nil {
		return nil, Cost{}, err
	}
	defer engine.Close(dry)
	m, err := takeSnapshot(ctx, dry, src, o)
	return m, Cost{int64(dry.Dry.Requests.Load()), int64(dry.Dry.Up.Load()), int64(dry.Dry.Down.Load())}, err
}
