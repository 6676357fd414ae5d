package repo

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// Snapshots returns the snapshots that are picked, the oldest first, in the order of
// snapshot.Order. Manifests that can't be read don't keep the others from being returned,
// together with an error that names them.
func (r *Repo) Snapshots(ctx context.Context, s Select) ([]*snapshot.Manifest, error) {
	return listSnapshots(ctx, r.e, s)
}

// Find returns the snapshot that a word names: "latest", which is the newest of those
// picked, or the beginning of an id. With Before the newest is the one that had ended then,
// as snapshot.At tells. The errors are ErrNoSnapshot, and one that tells of several with
// the same beginning.
func (r *Repo) Find(ctx context.Context, word string, s Select) (*snapshot.Manifest, error) {
	return findSnapshot(ctx, r.e, word, s)
}

// Latest returns the newest snapshot that is picked, as Find does for "latest", and the
// sources of all that are picked: if these are several, it is the newest of them all.
func (r *Repo) Latest(ctx context.Context, s Select) (*snapshot.Manifest, []SourceVersions, error) {
	return latestSnapshot(ctx, r.e, s)
}

// Pin keeps a snapshot from being forgotten up to a time, or for ever if that is
// zero.
func (r *Repo) Pin(ctx context.Context, id snapshot.ID, until time.Time) error {
	return pinSnapshot(ctx, r.e, id, until)
}

// Unpin takes back what Pin did.
func (r *Repo) Unpin(ctx context.Context, id snapshot.ID) error {
	return unpinSnapshot(ctx, r.e, id)
}

// Tag replaces the tags of a snapshot.
func (r *Repo) Tag(ctx context.Context, id snapshot.ID, tags []string) error {
	return tagSnapshot(ctx, r.e, id, tags)
}
