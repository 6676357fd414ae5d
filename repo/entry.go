package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"

	"github.com/qsnap/qsnap/snapshot"
)

// Entry returns what a path of a snapshot names. The path is relative to the
// snapshot's root; slashes around it are passed over, and the empty one is the
// root. It doesn't follow symbolic links. An absent one is fs.ErrNotExist.
func (r *Repo) Entry(ctx context.Context, m *snapshot.Manifest, path string) (*snapshot.Entry, error) {
	e := &m.Root
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" || name == "." {
			continue
		}
		if e.Type != snapshot.Dir || e.Problem != "" {
			return nil, notThere(m, path, fs.ErrNotExist)
		}
		found, err := snapshot.Lookup(ctx, r.blobs, e.Subtree, name)
		if err != nil {
			return nil, notThere(m, path, err)
		}
		e = found
	}
	return e, nil
}

func notThere(m *snapshot.Manifest, path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("snapshot %s has no %q: %w", m.ID.Short(), path, fs.ErrNotExist)
	}
	return fmt.Errorf("snapshot %s: %s: %w", m.ID.Short(), path, err)
}

// ReadDir yields what is in a directory of a snapshot, such as its Root, in the order
// of names, a page of it in memory at a time. After an error it ends.
func (r *Repo) ReadDir(ctx context.Context, dir *snapshot.Entry) iter.Seq2[*snapshot.Entry, error] {
	if err := readable(dir); err != nil {
		return func(yield func(*snapshot.Entry, error) bool) { yield(nil, err) }
	}
	return snapshot.ReadDir(ctx, r.blobs, dir.Subtree)
}

// Lookup returns the entry of that name, as bytes, in a directory of a snapshot. An
// absent one is fs.ErrNotExist.
func (r *Repo) Lookup(ctx context.Context, dir *snapshot.Entry, name string) (*snapshot.Entry, error) {
	if err := readable(dir); err != nil {
		return nil, err
	}
	return snapshot.Lookup(ctx, r.blobs, dir.Subtree, name)
}

// readable returns an error unless an entry is a directory whose names are known.
func readable(dir *snapshot.Entry) error {
	switch {
	case dir.Type != snapshot.Dir:
		return fmt.Errorf("it is a %v, not a directory", dir.Type)
	case dir.Problem != "":
		return notCaptured(dir)
	}
	return nil
}
