package repo

import (
	"context"

	"github.com/qsnap/qsnap/snapshot"
)

// Restore writes a snapshot, or a part of it, to a directory. Onto what exists it
// writes only what differs. If anything could not be restored as it should, the
// error is an *IncompleteError, after all the rest was restored; it matches ErrDamaged
// where damage is why. Progress tells of each such path. Nothing outside of the
// directory is touched, whatever the snapshot holds.
func (r *Repo) Restore(ctx context.Context, m *snapshot.Manifest, o RestoreOptions) (RestoreReport, error) {
	return restoreSnapshot(ctx, r.e, m, o)
}
