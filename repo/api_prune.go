package repo

import "context"

// Prune deletes the packs that nothing needs, after moving out of them what is
// needed, and gathers small ones. It never keeps others from taking snapshots,
// restoring or checking, nor from pruning. It may be interrupted at any point; the
// next one goes on. Packs that runs under way may rely on are only put in
// quarantine, and deleted by the next Prune after these have ended.
//
// If a manifest or tree can't be read it deletes nothing, and the error is
// ErrUnreadable. If packs can't be read it leaves these alone, and returns its report
// together with an error that matches ErrDamaged.
// If there are packs to delete and no snapshots, the error is
// ErrWouldDeleteAll.
func (r *Repo) Prune(ctx context.Context, o PruneOptions) (*PruneReport, error) {
	return runPrune(ctx, r.e, o)
}
