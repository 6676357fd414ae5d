package snapshot

import (
	"context"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
)

// Reach calls visit for the pages of a directory, the chunks and content lists of
// the files in it, and so on for the directories below, each page before what is
// beneath it. What is beneath a page is passed over, and not even read, if visit
// returns false. An error ends it and is returned.
func Reach(ctx context.Context, l Loader, dir *Entry, visit func(id chunk.ID, tree bool) (enter bool, err error)) error {
	if dir.Problem != "" {
		return nil
	}
	return (&reacher{ctx, l, visit}).page(dir.Subtree, -1)
}

type reacher struct {
	ctx   context.Context
	l     Loader
	visit func(id chunk.ID, tree bool) (enter bool, err error)
}

// page visits a page of a directory, which is of that level unless it is -1.
func (r *reacher) page(id chunk.ID, level int) error {
	if enter, err := r.visit(id, true); err != nil || !enter {
		return err
	}
	p, err := load(r.ctx, r.l, id)
	if err != nil {
		return err
	}
	if level >= 0 && p.level != level {
		return fmt.Errorf("tree %s: not the page that its parent names", id.Short())
	}
	for _, c := range p.children {
		if err := r.page(c.id, p.level-1); err != nil {
			return err
		}
	}
	for i := range p.entries {
		if err := r.entry(&p.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *reacher) entry(e *Entry) error {
	switch {
	case e.Type == Dir && e.Problem == "":
		return r.page(e.Subtree, -1)
	case e.Type != File:
		return nil
	case !e.List.IsZero():
		return r.list(e.List, -1)
	}
	for _, c := range e.Content {
		if _, err := r.visit(c.ID, false); err != nil {
			return err
		}
	}
	return nil
}

// list visits a page of a content list, which is of that level unless it is -1.
func (r *reacher) list(id chunk.ID, want int) error {
	if enter, err := r.visit(id, true); err != nil || !enter {
		return err
	}
	b, err := r.l.Tree(r.ctx, id)
	if err != nil {
		return err
	}
	level, spans, err := parseList(b)
	if err == nil && want >= 0 && level != want {
		err = errList
	}
	if err != nil {
		return fmt.Errorf("content list %s: %w", id.Short(), err)
	}
	for _, s := range spans {
		if level > 0 {
			err = r.list(s.id, level-1)
		} else {
			_, err = r.visit(s.id, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
