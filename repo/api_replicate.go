package repo

import (
	"context"

	"github.com/qsnap/qsnap/target"
)

// Replicate makes a target a replica of the repository, or brings it up to date, as
// the function Replicate does, and then removes from it what the repository has no
// more.
//
// That something is gone here doesn't prove that it may go there: it may have been
// lost. A snapshot goes if a record says that it was forgotten; the records are kept
// until a prune, so that what is forgotten and pruned between two replications is left
// over, and reported as Unexplained. A pack goes if all that the snapshots on the
// replica reach is in other packs there: whatever the repository may lack, what they
// need stays. Key slots go if the replica keeps others.
//
// While anything that tells what is needed there can't be read, nothing but snapshots
// goes: see Kept.
func (r *Repo) Replicate(ctx context.Context, to target.Target, o ReplicateOptions) (*ReplicateReport, error) {
	return replicateSnapshots(ctx, r.e, to, o)
}
