package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// An ancestorDir is a directory above named paths: it is described, and only the names
// that lead to named paths are captured. Search permission suffices: it need not be
// readable.
type ancestorDir struct {
	diskDir
	selected *selection
}

func openWay(path string, selected *selection) (directory, error) {
	d, err := disk.OpenSearchOnly(path)
	if err != nil {
		return nil, err
	}
	return ancestorDir{diskDir{d}, selected}, nil
}

// openAncestor opens a directory above named paths.
func (d diskDir) openAncestor(name string, selected *selection) (directory, error) {
	sub, err := d.Dir.SubSearchOnly(name)
	if err != nil {
		return nil, err
	}
	return ancestorDir{diskDir{sub}, selected}, nil
}

func (d ancestorDir) Names() ([]string, error) {
	return slices.Sorted(maps.Keys(d.selected.below)), nil
}

// Lstat describes the directory that a link leads to, in the link's place. A link to
// anything else is a link.
func (d ancestorDir) Lstat(name string, e *snapshot.Entry) (disk.Meta, error) {
	meta, err := d.Dir.Lstat(name, e)
	if err != nil || e.Type != snapshot.Symlink {
		return meta, err
	}
	var to snapshot.Entry
	if followed, err := d.Dir.Stat(name, &to); err == nil && to.Type == snapshot.Dir {
		*e, meta = to, followed
		meta.Followed = true
	}
	return meta, nil
}

func (d ancestorDir) sub(name string) (directory, error) {
	if selected := d.selected.in(name); selected.named == "" {
		return d.openAncestor(name, selected)
	}
	sub, err := d.Dir.Follow(name)
	if err != nil {
		return nil, err
	}
	return diskDir{sub}, nil
}

// stepInto decides how a directory is captured: completely, not at all if it is on
// another file system, or only what leads to named paths.
func (c *capture) stepInto(sub, parent *node, selected *selection, only bool) {
	dir, name := parent.dir, sub.entry().Name
	sub.selected, sub.only = selected, only
	begins := selected != nil && selected.named != ""
	if c.OneFileSystem && sub.device != parent.device && !parent.only && !begins {
		if selected == nil {
			sub.open = func() (directory, error) { return mountPoint{dir, name}, nil }
		}
		sub.only = selected != nil
		c.skip(sub.path, snapshot.NoteFileSystem, otherFileSystem)
	} else {
		c.noteMount(sub)
	}
	if sub.only && !parent.only {
		sub.open = func() (directory, error) { return dir.(diskDir).openAncestor(name, selected) }
	}
}

// unopened records that a directory can't be read.
func (c *capture) unopened(n *node, err error) {
	named := n.only || n.selected != nil && n.selected.named != ""
	if named || errors.Is(err, ErrEmptySource) {
		c.markEmptied(n, err)
		return
	}
	n.entry().Problem = reason(err)
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
func (c *capture) markUnreadable(selected *selection, path string, err error) {
	if selected != nil {
		c.note(path, snapshot.NoteProblem, reason(err))
		c.markMissing(selected, err)
		return
	}
	if !errors.Is(err, fs.ErrNotExist) { // otherwise it has vanished
		c.mu.Lock()
		c.result.Unread.Files++
		c.mu.Unlock()
	}
	c.problem(path, err)
}

// markMissing records that named paths could not be taken.
func (c *capture) markMissing(selected *selection, err error) {
	if selected == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range selected.paths() {
		c.result.Missing = append(c.result.Missing, snapshot.Missing{Path: p, Text: reason(err)})
		if c.namedMissing++; c.missing == nil {
			c.missing = fmt.Errorf("%s: %w", p, err)
		}
	}
}

// allMissing returns an error if no named path was taken.
func (c *capture) allMissing() error {
	if c.namedMissing == 0 || c.src.selected != nil && c.namedMissing < len(c.src.selected.paths()) {
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
