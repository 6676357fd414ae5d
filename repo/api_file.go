package repo

import (
	"context"
	"io"

	"github.com/qsnap/qsnap/snapshot"
)

// CopyFile writes the content of a file of a snapshot, holes as zeros.
func (r *Repo) CopyFile(ctx context.Context, w io.Writer, e *snapshot.Entry) error {
	return copyFile(ctx, r.e.Blobs, w, e)
}

// ReadAt reads a file of a snapshot from an offset on, holes as zeros. As with
// io.ReaderAt, fewer bytes than asked for come with an error, which is io.EOF at the
// end of the file. It reads the chunks that hold the bytes, and no others.
func (r *Repo) ReadAt(ctx context.Context, e *snapshot.Entry, p []byte, off int64) (int, error) {
	return readAtPath(ctx, r.e.Blobs, e, p, off)
}
