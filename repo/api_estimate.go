package repo

import (
	"context"

	"github.com/qsnap/qsnap/snapshot"
)

// EstimateSnapshot does all that Snapshot does, but stores nothing. It returns the
// manifest that would be stored, which has no id, and what Snapshot would cost if
// nothing changes until then. It reads and compresses what Snapshot would.
func (r *Repo) EstimateSnapshot(ctx context.Context, src Source, o SnapshotOptions) (*snapshot.Manifest, Cost, error) {
	return estimateSnapshot(ctx, r.e, src, o)
}
