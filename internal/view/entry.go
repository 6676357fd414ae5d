package view

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/snapshot"
)

// Entry returns the entry at a path of a snapshot. The path is relative to the snapshot's
// root, which is the entry at "". Symbolic links are not followed. An absent path is
// fs.ErrNotExist.
func Entry(ctx context.Context, blobs *blob.Reader, m *snapshot.Manifest, path string) (*snapshot.Entry, error) {
	e := &m.Root
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" || name == "." {
			continue
		}
		if e.Type != snapshot.Dir || e.Problem != "" {
			return nil, pathError(m, path, fs.ErrNotExist)
		}
		found, err := snapshot.Lookup(ctx, blobs, e.Subtree, name)
		if err != nil {
			return nil, pathError(m, path, err)
		}
		e = found
	}
	return e, nil
}

func pathError(m *snapshot.Manifest, path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("snapshot %s has no %q: %w", m.ID.Short(), path, fs.ErrNotExist)
	}
	return fmt.Errorf("snapshot %s: %s: %w", m.ID.Short(), path, err)
}

// ReadDir yields the entries of a directory in the order of names. It holds one page of the
// directory in memory. An error ends it.
func ReadDir(ctx context.Context, blobs *blob.Reader, dir *snapshot.Entry) iter.Seq2[*snapshot.Entry, error] {
	if err := readable(dir); err != nil {
		return func(yield func(*snapshot.Entry, error) bool) { yield(nil, err) }
	}
	return snapshot.ReadDir(ctx, blobs, dir.Subtree)
}

// Lookup returns the entry of a directory with a name, compared as bytes. An absent name is
// fs.ErrNotExist.
func Lookup(ctx context.Context, blobs *blob.Reader, dir *snapshot.Entry, name string) (*snapshot.Entry, error) {
	if err := readable(dir); err != nil {
		return nil, err
	}
	return snapshot.Lookup(ctx, blobs, dir.Subtree, name)
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

// notCaptured says why the names in a directory, or the content of a file, are not in the
// snapshot.
func notCaptured(e *snapshot.Entry) error {
	return errors.New("not in the snapshot: when that was made: " + e.Problem)
}
