package repo

import (
	"context"

	"github.com/qsnap/qsnap/snapshot"
)

// Snapshot takes a snapshot and returns its manifest. If a named source is missing, or
// anything could not be read as it should, the error is an *IncompleteError: the snapshot
// was taken all the same, and the manifest says what it lacks and whether it is Good.
// After any other error there is no snapshot, and the manifest is nil.
//
// A file whose size is not known before it is read, as of those in /proc and /sys and of
// those that a FUSE file system says are empty, is read each time. If it has more than
// 64 MiB, or reading it takes more than 5 s, it could not be read. Such files of /proc and
// /sys are problems too, but the manifest doesn't count them as unread.
//
// When the context is cancelled, or the process dies, no snapshot is made; what was
// stored until then is found and used by the next.
func (r *Repo) Snapshot(ctx context.Context, src Source, o SnapshotOptions) (*snapshot.Manifest, error) {
	return takeSnapshot(ctx, r.e, src, o)
}
