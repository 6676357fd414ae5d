package repo

import "context"

// RepairIndex stores index deltas made from the packs alone, and removes the older
// ones. What snapshots need and no pack holds it notes, so that the next snapshot
// of the same source stores it again where the source still has it.
func (r *Repo) RepairIndex(ctx context.Context) (*IndexRepair, error) {
	return repairIndex(ctx, r.e)
}
