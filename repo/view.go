package repo

import (
	"context"
	"io"
	"io/fs"
	"iter"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/snapshot"
)

// A View reads what a snapshot holds. It is safe for concurrent use, and holds nothing that
// has to be closed.
type View struct {
	blobs    *blob.Reader
	manifest *snapshot.Manifest
}

// View returns the view of a snapshot. It reads nothing yet.
func (r *Repo) View(m *snapshot.Manifest) *View {
	return &View{r.e.Blobs, m}
}

// Entry returns the entry at a path of the snapshot. The path is relative to the snapshot's
// root; the root itself is at "". Slashes around a path don't count. Symbolic links are not
// followed. An absent path is fs.ErrNotExist.
func (v *View) Entry(ctx context.Context, path string) (*snapshot.Entry, error) {
	return view.Entry(ctx, v.blobs, v.manifest, path)
}

// ReadDir yields the entries of a directory, such as the snapshot's Root, in the order of
// names. It holds one page of the directory in memory. An error ends it.
func (v *View) ReadDir(ctx context.Context, dir *snapshot.Entry) iter.Seq2[*snapshot.Entry, error] {
	return view.ReadDir(ctx, v.blobs, dir)
}

// Lookup returns the entry of a directory with a name, compared as bytes. An absent name is
// fs.ErrNotExist.
func (v *View) Lookup(ctx context.Context, dir *snapshot.Entry, name string) (*snapshot.Entry, error) {
	return view.Lookup(ctx, v.blobs, dir, name)
}

// Walk calls f for everything below a directory, such as the snapshot's Root, for each
// directory before its contents, in the order of names. For a directory that can't be read,
// f is called a second time, with the error. If f returns fs.SkipDir for a directory, the
// walk doesn't enter it; fs.SkipAll ends the walk. Any other error of f ends the walk and is
// returned.
func (v *View) Walk(ctx context.Context, dir *snapshot.Entry, f snapshot.WalkFunc) error {
	return snapshot.Walk(ctx, v.blobs, dir, f)
}

// ReadAt reads a file from an offset on, holes as zeros. As with io.ReaderAt, fewer bytes
// than asked for come with an error, which is io.EOF at the end of the file. It reads the
// chunks that hold the bytes, and no others.
func (v *View) ReadAt(ctx context.Context, file *snapshot.Entry, p []byte, off int64) (int, error) {
	return view.ReadAt(ctx, v.blobs, file, p, off)
}

// WriteTo writes the content of a file, holes as zeros.
func (v *View) WriteTo(ctx context.Context, w io.Writer, file *snapshot.Entry) error {
	return view.WriteTo(ctx, v.blobs, w, file)
}

// FS returns the snapshot as a file system. It implements fs.ReadDirFS, fs.StatFS and
// fs.ReadLinkFS. Its files implement io.Seeker, io.ReaderAt and io.WriterTo. Sys of a
// fs.FileInfo returns the *snapshot.Entry. Symbolic links are followed as far as they lead to
// something in the snapshot. The file system is safe for concurrent use.
//
// Names in an fs.FS are UTF-8. A byte of a name that is not appears as U+FFFD and two
// hexadecimal digits.
//
// The context is that of all later calls.
func (v *View) FS(ctx context.Context) fs.FS {
	return view.FS(ctx, v.blobs, &v.manifest.Root)
}

// Notes yields what the snapshot records of single paths: what it left out, what could not be
// read, where file systems were mounted. The notes of a directory come before those of its
// contents. An error ends it.
func (v *View) Notes(ctx context.Context) iter.Seq2[snapshot.Note, error] {
	return snapshot.ReadNotes(ctx, v.blobs, v.manifest.Notes)
}

// DiffContent compares two versions of a file, which may be of different snapshots. It
// returns how many bytes are in chunks that the other version lacks, or has less often:
// removed counts those of before, added those of after. An entry that is nil or no file has no
// chunks, and a hole has none. Only the ids of chunks are compared: no content is read.
func (v *View) DiffContent(ctx context.Context, before, after *snapshot.Entry) (removed, added int64, err error) {
	return snapshot.DiffContent(ctx, v.blobs, before, after)
}

// Diff yields the differences between two directories of any snapshots, in the order of
// names. It doesn't read what is the same in both. An error ends it.
func (r *Repo) Diff(ctx context.Context, before, after *snapshot.Entry) iter.Seq2[snapshot.Change, error] {
	return snapshot.Diff(ctx, r.e.Blobs, before, after)
}
