package repo

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

func entryAt(ctx context.Context, blobs *blob.Reader, m *snapshot.Manifest, path string) (*snapshot.Entry, error) {
	e := &m.Root
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" || name == "." {
			continue
		}
		if e.Type != snapshot.Dir || e.Problem != "" {
			return nil, notThere(m, path, fs.ErrNotExist)
		}
		found, err := snapshot.Lookup(ctx, blobs, e.Subtree, name)
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

func readDir(ctx context.Context, blobs *blob.Reader, dir *snapshot.Entry) iter.Seq2[*snapshot.Entry, error] {
	if err := readable(dir); err != nil {
		return func(yield func(*snapshot.Entry, error) bool) { yield(nil, err) }
	}
	return snapshot.ReadDir(ctx, blobs, dir.Subtree)
}

func lookup(ctx context.Context, blobs *blob.Reader, dir *snapshot.Entry, name string) (*snapshot.Entry, error) {
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
