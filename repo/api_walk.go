package repo

import (
	"context"
	"iter"

	"github.com/qsnap/qsnap/snapshot"
)

// Walk yields all that is below a directory of a snapshot, such as its Root, each
// directory before what is in it, in the order of names. A directory that can't be
// read is yielded once more, with the error; the walk goes on behind it.
func (r *Repo) Walk(ctx context.Context, dir *snapshot.Entry) iter.Seq2[snapshot.PathEntry, error] {
	return walkFrom(ctx, r.e, dir)
}

// Notes yields what a snapshot records of single paths: what it left out, what could not
// be read, where file systems were mounted. A directory's notes come before those of what
// is in it. After an error it ends.
func (r *Repo) Notes(ctx context.Context, m *snapshot.Manifest) iter.Seq2[snapshot.Note, error] {
	return notesOf(ctx, r.e, m)
}

// Diff yields what differs between two directories, of any snapshots, in the order
// of names. What is the same in both is not read. After an error it ends.
func (r *Repo) Diff(ctx context.Context, before, after *snapshot.Entry) iter.Seq2[snapshot.Change, error] {
	return diffSnapshots(ctx, r.e, before, after)
}

// DiffContent returns how many bytes of a file are in chunks that another version of
// it hasn't, or hasn't as often: removed of those before, added of those after. A nil
// entry, and one that is no file, has none; nor have holes. Files are compared by the
// ids of their chunks: their content isn't read.
func (r *Repo) DiffContent(ctx context.Context, before, after *snapshot.Entry) (removed, added int64, err error) {
	return diffContent(ctx, r.e, before, after)
}
