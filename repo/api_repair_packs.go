package repo

import "context"

// RepairPacks moves all that can be read out of damaged packs, and removes these.
// What was lost it notes, as RepairIndex does.
func (r *Repo) RepairPacks(ctx context.Context, o PackRepairOptions) (*PackRepair, error) {
	return repairPacks(ctx, r.e, o)
}
