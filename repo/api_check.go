package repo

import "context"

// Check looks for damage, and says which files of which snapshots it touches. Damage is
// in the report, and an error that matches ErrDamaged, with a *DamageError for each
// finding, comes with it. Any other error is of the target or the context. It never
// waits for anyone and may run beside anything.
func (r *Repo) Check(ctx context.Context, o CheckOptions) (*CheckReport, error) {
	return runCheck(ctx, r.e, o)
}
