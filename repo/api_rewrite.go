package repo

import (
	"context"

	"github.com/qsnap/qsnap/snapshot"
)

// Rewrite makes a snapshot of what another holds, but for what is excluded, in its
// place in the chain of its source, and returns it: or the snapshot itself if it
// holds nothing of that sort. Where the other is forgotten, Prune makes what only it
// held unreadable, unless it is in other snapshots too.
func (r *Repo) Rewrite(ctx context.Context, m *snapshot.Manifest, o RewriteOptions) (*snapshot.Manifest, error) {
	return rewriteSnapshot(ctx, r.e, m, o)
}
