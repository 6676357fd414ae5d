package repo

import "context"

// Sources returns the sources of the snapshots that are picked, sorted by host and paths.
// Several mean that "the newest" needs to be told which of them is meant.
func (r *Repo) Sources(ctx context.Context, s Select) ([]SourceVersions, error) {
	return sourcesOf(ctx, r.e, s)
}
