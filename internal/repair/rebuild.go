package repair

import (
	"context"
	"errors"
	"path"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/snapshot"
)

// A rebuilder makes of a tree another one without some of its entries. Pages that stay the
// same are not stored again.
type rebuilder struct {
	e     *engine.Engine
	pages pageStore
	// drop says why an entry is left out, or nil. Directories that stay are entered.
	drop func(ctx context.Context, path string, e *snapshot.Entry) (why error, err error)
	// dropped is called for each entry that is left out.
	dropped func(path string, e *snapshot.Entry, why error)

	same  map[chunk.ID]bool // directories all of which stays, whatever their path; nil if paths matter
	files uint64            // that are left out
	bytes uint64
	dirs  uint64
}

// A pageStore takes the pages of trees.
type pageStore interface {
	PutTree(ctx context.Context, page []byte) (chunk.ID, error)
}

// unstored names pages and doesn't store them.
type unstored struct{ e *engine.Engine }

// PutTree is part of pageStore.
func (u unstored) PutTree(_ context.Context, page []byte) (chunk.ID, error) {
	return u.e.Tree.ID(page), nil
}

// root sets the tree of a snapshot to what stays of it, and corrects what its manifest
// counts. It reports whether anything was left out.
func (b *rebuilder) root(ctx context.Context, m *snapshot.Manifest) (changed bool, err error) {
	tree, notes := m.Root.Subtree, m.Notes
	if _, err := b.dir(ctx, "", &m.Root); err != nil {
		return false, err
	}
	if err := b.notes(ctx, m); err != nil {
		return false, err
	}
	m.Stats.Files -= min(b.files, m.Stats.Files)
	m.Stats.Bytes -= min(b.bytes, m.Stats.Bytes)
	m.Stats.Dirs -= min(b.dirs, m.Stats.Dirs)
	return m.Root.Subtree != tree || m.Notes != notes, nil
}

// notes drops the notes of a snapshot if not all of them can be read. The manifest then says
// that it isn't known what the snapshot has left out.
func (b *rebuilder) notes(ctx context.Context, m *snapshot.Manifest) error {
	for _, err := range snapshot.ReadNotes(ctx, b.e.Blobs, m.Notes) {
		if b.isLost(ctx, err) {
			b.dropped(outcome.NotesPath, &snapshot.Entry{Name: outcome.NotesPath, Type: snapshot.Dir}, err)
			m.Notes, m.Rules = chunk.ID{}, nil
			m.Skipped.Total = max(m.Skipped.Total, uint64(len(m.Skipped.List))) + 1
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dir sets the tree of a directory to what stays of it, and reports whether it can
// be read at all.
func (b *rebuilder) dir(ctx context.Context, full string, e *snapshot.Entry) (readable bool, err error) {
	if e.Problem != "" || b.same[e.Subtree] {
		return true, nil
	}
	leaves, err := snapshot.Leaves(ctx, b.e.Blobs, e.Subtree)
	if lost := b.isLost(ctx, err); lost {
		b.dropped(full, e, err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	before := e.Subtree
	w := snapshot.NewTreeWriter(func(page []byte) (chunk.ID, error) { return b.pages.PutTree(ctx, page) })
	for i := range leaves {
		if err := b.leaf(ctx, full, e, &leaves[i], w); err != nil {
			return false, err
		}
	}
	if e.Subtree, err = w.Finish(); err != nil {
		return false, err
	}
	if b.same != nil && e.Subtree == before {
		b.same[before] = true
	}
	return true, nil
}

// leaf adds what stays of the entries of a leaf.
func (b *rebuilder) leaf(ctx context.Context, full string, parent *snapshot.Entry, leaf *snapshot.Leaf, w *snapshot.TreeWriter) error {
	entries, err := leaf.Entries(ctx, b.e.Blobs)
	if b.isLost(ctx, err) {
		b.dropped(full, parent, err)
		return nil
	}
	if err != nil {
		return err
	}
	for i := range entries {
		e := entries[i]
		name := path.Join(full, e.Name)
		why, err := b.drop(ctx, name, &e)
		if err != nil {
			return err
		}
		if why != nil {
			if e.Type == snapshot.File {
				b.files++
				b.bytes += uint64(e.Size)
			} else if e.Type == snapshot.Dir {
				b.dirs++
			}
			b.dropped(name, &e, why)
			continue
		}
		if e.Type == snapshot.Dir {
			readable, err := b.dir(ctx, name, &e)
			if err != nil {
				return err
			}
			if !readable {
				b.dirs++
				continue
			}
		}
		if err := w.Add(&e); err != nil {
			return err
		}
	}
	return nil
}

// isLost reports whether an error means that a tree can't be read, whatever is tried.
func (b *rebuilder) isLost(ctx context.Context, err error) bool {
	_, lost := errors.AsType[*blob.LostError](err)
	return lost && ctx.Err() == nil
}
