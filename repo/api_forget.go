package repo

import (
	"context"

	"github.com/qsnap/qsnap/snapshot"
)

// Forget removes snapshots. What only they reach can be brought back by Undelete
// until Prune has deleted it. If one is pinned the error is ErrPinned, if the target keeps
// one locked it is ErrLocked, and then none is removed. One that was forgotten before is
// no error. For those that never were there the error is ErrNoSnapshot, and names them,
// after the others were removed.
func (r *Repo) Forget(ctx context.Context, ids ...snapshot.ID) error {
	return forget(ctx, r.e, ids...)
}

// WasForgotten reports whether there was a snapshot whose id begins so, and was
// forgotten. It may say no for one whose record Prune has deleted.
func (r *Repo) WasForgotten(ctx context.Context, prefix string) (bool, error) {
	return wasForgotten(ctx, r.e, prefix)
}

// Forgotten returns the snapshots that were removed and can be brought back, the
// oldest first.
func (r *Repo) Forgotten(ctx context.Context) ([]*snapshot.Manifest, error) {
	return forgottenSnapshots(ctx, r.e)
}

// Undelete brings back a forgotten snapshot, if all that it reaches is still there,
// be it in quarantine, and returns it. It has another id, as no name is used twice:
// a run that was thought dead might still remove what has the old one.
func (r *Repo) Undelete(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	return undelete(ctx, r.e, id)
}
