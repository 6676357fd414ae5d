package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/transfer"
	"github.com/qsnap/qsnap/snapshot"
)

// copyBack copies snapshots from a replica.
func copyBack(ctx context.Context, from, to *engine.Engine, all []*snapshot.Manifest, workers int) (int64, error) {
	copied, err := transfer.Copy(ctx, from, to, all, transfer.Options{Workers: workers})
	return copied.Copied, err
}
