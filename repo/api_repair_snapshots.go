package repo

import (
	"context"

	"github.com/qsnap/qsnap/snapshot"
)

// RepairSnapshots makes, of each snapshot that reaches what no pack holds, one
// without that, in its place in the chain of its source. It keeps those that aren't
// whole unless it is told to forget them. With no ids it looks at all snapshots.
// What packs hold is taken to be readable: RepairPacks comes first.
func (r *Repo) RepairSnapshots(ctx context.Context, o SnapshotRepairOptions, ids ...snapshot.ID) ([]SnapshotRepair, error) {
	return repairSnapshots(ctx, r.e, o, ids...)
}
