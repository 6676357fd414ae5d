package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// stepInto decides how a directory is captured: completely, not at all if it is on
// another file system, or only what leads to named paths.
func (c *capture) stepInto(sub, parent *node, selected *source.Selection, only bool) {
	dir, name := parent.dir, sub.entry().Name
	sub.selected, sub.only = selected, only
	begins := selected != nil && selected.Named != ""
	if c.OneFileSystem && sub.device != parent.device && !parent.only && !begins {
		if selected == nil {
			sub.open = func() (source.Dir, error) { return mountPoint{dir, name}, nil }
		}
		sub.only = selected != nil
		c.skip(sub.path, snapshot.NoteFileSystem, otherFileSystem)
	} else {
		c.noteMount(sub)
	}
	if sub.only && !parent.only {
		sub.open = func() (source.Dir, error) { return source.OpenAncestor(dir, name, selected) }
	}
}

// unopened records that a directory can't be read.
func (c *capture) unopened(n *node, err error) {
	named := n.only || n.selected != nil && n.selected.Named != ""
	if named || errors.Is(err, ErrEmptySource) {
		c.markEmptied(n, err)
		return
	}
	n.entry().Problem = source.Reason(err)
	if n.selected == nil && c.accepted(n.path, true, err) {
		return
	}
	c.markMissing(n.selected, err)
	c.mu.Lock()
	c.result.Unread.Dirs++
	if n.before != nil && n.before.Problem == "" {
		c.result.Unread.LostDirs++
	}
	c.mu.Unlock()
	c.problem(n.path, err)
}

// markUnreadable records that a path can't be read. If it leads to named paths, these are
// missing.
func (c *capture) markUnreadable(selected *source.Selection, path string, err error) {
	if selected != nil {
		c.note(path, snapshot.NoteProblem, source.Reason(err))
		c.markMissing(selected, err)
		return
	}
	if c.accepted(path, false, err) {
		return
	}
	if !errors.Is(err, fs.ErrNotExist) { // otherwise it has vanished
		c.mu.Lock()
		c.result.Unread.Files++
		c.mu.Unlock()
	}
	c.problem(path, err)
}

// accepted reports whether a path may be unreadable, and then records that it was left out.
func (c *capture) accepted(p string, isDir bool, err error) bool {
	for at := p; c.AcceptUnread != nil && at != "" && at != "."; at, isDir = path.Dir(at), true {
		if _, accept := c.AcceptUnread.Match(at, isDir); accept {
			c.skip(p, snapshot.NoteProblem, "could not be read, which is accepted: "+source.Reason(err))
			return true
		}
	}
	return false
}

// markMissing records that named paths could not be taken.
func (c *capture) markMissing(selected *source.Selection, err error) {
	if selected == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range selected.Paths() {
		c.result.Missing = append(c.result.Missing, snapshot.Missing{Path: p, Text: source.Reason(err)})
		if c.namedMissing++; c.missing == nil {
			c.missing = fmt.Errorf("%s: %w", p, err)
		}
	}
}

// allMissing returns an error if no named path was taken.
func (c *capture) allMissing() error {
	if c.namedMissing == 0 || c.src.Selected != nil && c.namedMissing < len(c.src.Selected.Paths()) {
		return nil
	}
	if named, ok := errors.AsType[*fs.PathError](c.missing); ok {
		return named
	}
	return c.missing
}

// noteMount records that the file system mounted at a directory is taken, or leads to
// named paths.
func (c *capture) noteMount(n *node) {
	if kind, mounted := c.mounts[n.path]; mounted {
		c.note(n.path, snapshot.NoteMount, kind)
	} else if n.volume.path == n.path && n.path != "" {
		c.note(n.path, snapshot.NoteMount, "")
	}
}
