package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/snapshot"
)

// A fatalError ends the whole copy. Lost data only skips its snapshot.
type fatalError struct{ error }

// Unwrap returns why.
func (f *fatalError) Unwrap() error { return f.error }

// fatalUnlessLost returns an error of reading as a fatalError, unless it says that data is
// lost.
func fatalUnlessLost(err error) error {
	if err == nil || blob.IsLost(err) {
		return err
	}
	return &fatalError{err}
}

// originTrees loads pages of trees from the origin. It implements snapshot.Loader.
type originTrees struct{ e *engine.Engine }

// Tree is part of snapshot.Loader.
func (t originTrees) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	b, err := t.e.Blobs.Blob(ctx, id, true)
	return b, fatalUnlessLost(err)
}

// fetch stores and lists all that a snapshot reaches. The error is ErrNotCopied if
// something of the snapshot is lost.
func (c *copier) fetch(ctx context.Context, m *snapshot.Manifest, base *version) (treeIDs, error) {
	ids, err := c.fetcher.fetch(ctx, m, base)
	if err == nil {
		return ids, c.flush(ctx)
	}
	if ctx.Err() != nil {
		return ids, context.Cause(ctx)
	}
	if fatal, ok := errors.AsType[*fatalError](err); ok {
		return ids, fatal.error
	}
	if exists, e := c.from.Catalog.Exists(ctx, m.ID); e == nil && !exists {
		return ids, errForgotten
	}
	if path := c.affectedPath(ctx, m, err); path != "" {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return ids, fmt.Errorf("snapshot %s %w: %w", m.ID.Short(), ErrNotCopied, err)
}

// affectedPath returns the first path of a snapshot that a loss affects, or "".
func (c *copier) affectedPath(ctx context.Context, m *snapshot.Manifest, err error) string {
	lost, ok := errors.AsType[*blob.LostError](err)
	if !ok {
		return ""
	}
	path := ""
	_ = snapshot.Walk(ctx, c.from.Blobs, &m.Root, func(at string, e *snapshot.Entry, err error) error {
		if err != nil && lost.Tree {
			path = "/" + at
			return fs.SkipAll
		}
		if err != nil || e.Type != snapshot.File || lost.Tree && e.List.IsZero() {
			return nil
		}
		for piece, err := range snapshot.Chunks(ctx, c.from.Blobs, e, 0) {
			if err != nil || piece.ID == lost.ID {
				path = "/" + at
				return fs.SkipAll
			}
		}
		return nil
	})
	return path
}

// A walker visits what snapshots reach, each tree once.
type walker struct {
	stored map[chunk.ID]bool // trees that are in the destination with all below them
}

// walk calls need for each blob that a snapshot reaches, except what an older version of its
// root reaches. It returns the trees it has visited.
func (w *walker) walk(ctx context.Context, m *snapshot.Manifest, l, old snapshot.Loader, base *snapshot.Entry, need func(blob.Ref) error) (visited map[chunk.ID]bool, err error) {
	visited = map[chunk.ID]bool{}
	visit := func(id chunk.ID, tree bool) (bool, error) {
		if tree {
			if w.stored[id] || visited[id] {
				return false, nil
			}
			visited[id] = true
		}
		if err := need(blob.Ref{ID: id, Tree: tree}); err != nil {
			return false, err
		}
		return true, ctx.Err()
	}
	for _, dir := range m.Dirs() {
		if err := snapshot.ReachSince(ctx, l, dir, old, base, visit); err != nil {
			return visited, err
		}
		base = nil // the notes, which are few, are not compared
	}
	return visited, nil
}

// addStored records that trees are in the destination with all below them.
func (w *walker) addStored(trees map[chunk.ID]bool) {
	for id := range trees {
		w.stored[id] = true
	}
}
