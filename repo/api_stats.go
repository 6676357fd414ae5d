package repo

import "context"

// Stats counts what the repository holds.
func (r *Repo) Stats(ctx context.Context) (Stats, error) {
	return statsOf(ctx, r.e)
}
