package repo

import "context"

// Retain forgets the snapshots that a policy doesn't keep, and returns what it
// decided, also together with ErrNoneKept, after which nothing is forgotten. A
// manifest that can't be read is an error: it might be one that counts.
func (r *Repo) Retain(ctx context.Context, o RetainOptions) ([]Retained, error) {
	return retainSnapshots(ctx, r.e, o)
}
