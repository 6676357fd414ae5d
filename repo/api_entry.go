package repo

import (
	"context"
	"iter"

	"github.com/qsnap/qsnap/snapshot"
)

// Entry returns what a path of a snapshot names. The path is relative to the
// snapshot's root; slashes around it are passed over, and the empty one is the
// root. It doesn't follow symbolic links. An absent one is fs.ErrNotExist.
func (r *Repo) Entry(ctx context.Context, m *snapshot.Manifest, path string) (*snapshot.Entry, error) {
	return entryAt(ctx, r.e.Blobs, m, path)
}

// ReadDir yields what is in a directory of a snapshot, such as its Root, in the order
// of names, a page of it in memory at a time. After an error it ends.
func (r *Repo) ReadDir(ctx context.Context, dir *snapshot.Entry) iter.Seq2[*snapshot.Entry, error] {
	return readDir(ctx, r.e.Blobs, dir)
}

// Lookup returns the entry of that name, as bytes, in a directory of a snapshot. An
// absent one is fs.ErrNotExist.
func (r *Repo) Lookup(ctx context.Context, dir *snapshot.Entry, name string) (*snapshot.Entry, error) {
	return lookup(ctx, r.e.Blobs, dir, name)
}
