package snapshot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/chunk"
)

// A Cursor finds entries of a directory by ascending names, and so reads each page at
// most once.
type Cursor struct {
	l       Loader
	leaves  []Leaf
	ids     map[chunk.ID]bool
	entries []Entry // of the first leaf, if loaded
	loaded  bool
}

// NewCursor returns a Cursor at the beginning of a directory.
func NewCursor(ctx context.Context, l Loader, root chunk.ID) (*Cursor, error) {
	leaves, err := Leaves(ctx, l, root)
	if err != nil {
		return nil, err
	}
	a := &Cursor{l: l, leaves: leaves, ids: map[chunk.ID]bool{}}
	for i := range leaves {
		a.ids[leaves[i].ID] = true
	}
	return a, nil
}

// Find returns the entry with that name, or nil if there is none. name must not be less
// than that of the previous call.
func (a *Cursor) Find(ctx context.Context, name string) (*Entry, error) {
	for len(a.leaves) > 0 && a.leaves[0].Last < name {
		a.leaves, a.loaded = a.leaves[1:], false
	}
	if len(a.leaves) == 0 {
		return nil, nil
	}
	if !a.loaded {
		entries, err := a.leaves[0].Entries(ctx, a.l)
		if err != nil {
			return nil, err
		}
		a.entries, a.loaded = entries, true
	}
	i, ok := slices.BinarySearchFunc(a.entries, name, func(e Entry, name string) int { return strings.Compare(e.Name, name) })
	if !ok {
		return nil, nil
	}
	return &a.entries[i], nil
}

// ReachSince does what Reach does, but skips what an older version of the directory,
// which may be nil, has under the same names. The older version's pages come from a
// Loader of their own. If they can't be read, nothing is skipped.
func ReachSince(ctx context.Context, l Loader, dir *Entry, old Loader, older *Entry, visit func(id chunk.ID, tree bool) (enter bool, err error)) error {
	r := &sinceReacher{ctx, l, old, visit}
	return r.dir(dir, older)
}

type sinceReacher struct {
	ctx    context.Context
	l, old Loader
	visit  func(id chunk.ID, tree bool) (enter bool, err error)
}

func (r *sinceReacher) dir(dir, older *Entry) error {
	if dir.Problem != "" {
		return nil
	}
	if older == nil || !hasSubtree(older) {
		return Reach(r.ctx, r.l, dir, r.visit)
	}
	if older.Subtree == dir.Subtree {
		return nil
	}
	ascent, err := NewCursor(r.ctx, r.old, older.Subtree)
	if err != nil {
		return Reach(r.ctx, r.l, dir, r.visit)
	}
	return r.page(dir.Subtree, ascent)
}

func (r *sinceReacher) page(id chunk.ID, older *Cursor) error {
	if older.ids[id] {
		return nil
	}
	if enter, err := r.visit(id, true); err != nil || !enter {
		return err
	}
	p, err := load(r.ctx, r.l, id)
	if err != nil {
		return err
	}
	for _, c := range p.children {
		if err := r.page(c.id, older); err != nil {
			return err
		}
	}
	for i := range p.entries {
		e := &p.entries[i]
		was, err := older.Find(r.ctx, e.Name)
		if err != nil {
			was = nil
		}
		switch {
		case hasSubtree(e):
			err = r.dir(e, was)
		case e.Type != File || was != nil && SameContent(was, e):
			err = nil
		default:
			err = r.content(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *sinceReacher) content(e *Entry) error {
	if !e.List.IsZero() {
		return r.list(e.List)
	}
	for _, c := range e.Content {
		if _, err := r.visit(c.ID, false); err != nil {
			return err
		}
	}
	return nil
}

func (r *sinceReacher) list(id chunk.ID) error {
	if enter, err := r.visit(id, true); err != nil || !enter {
		return err
	}
	b, err := r.l.Tree(r.ctx, id)
	if err != nil {
		return err
	}
	level, spans, err := parseList(b)
	if err != nil {
		return fmt.Errorf("content list %s: %w", id.Short(), err)
	}
	for _, s := range spans {
		if level > 0 {
			err = r.list(s.id)
		} else {
			_, err = r.visit(s.id, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
