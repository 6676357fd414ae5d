package repo

import (
	"context"
	"io/fs"

	"github.com/qsnap/qsnap/snapshot"
)

// FS returns a snapshot as a file system. It implements fs.ReadDirFS, fs.StatFS
// and fs.ReadLinkFS; its files implement io.Seeker and io.ReaderAt; Sys of what
// describes a file returns its *snapshot.Entry. Symbolic links are followed as far
// as they lead to something in the snapshot. It is safe for concurrent use.
//
// Names in an fs.FS are UTF-8. A byte of a name that isn't appears as U+FFFD and
// two hexadecimal digits.
//
// The context is that of all later calls.
func (r *Repo) FS(ctx context.Context, m *snapshot.Manifest) fs.FS {
	return fileSystem(ctx, r.e, m)
}
