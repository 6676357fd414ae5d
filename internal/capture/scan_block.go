package capture

import (
	"context"
	"path"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// pacedNames is how many names are compared before the Pacer is asked again.
const pacedNames = 64

// lstatBlock makes the block's entries and compares them with the older version.
func (c *capture) lstatBlock(ctx context.Context, b *block) error {
	b.same.Store(b.leaf != nil)
	if b.leaf != nil {
		var err error
		if b.prev, err = b.leaf.Entries(ctx, c.Loader); err != nil {
			if ctx.Err() != nil {
				return err
			}
			b.leaf, b.prev = nil, nil
		}
	}
	b.entries = make([]snapshot.Entry, 0, len(b.names))
	prev := b.prev
	for i, name := range b.names {
		if i%pacedNames == 0 {
			if err := c.Pace.Pace(ctx); err != nil {
				return err
			}
		}
		for len(prev) > 0 && prev[0].Name < name {
			prev = prev[1:]
		}
		var before *snapshot.Entry
		if len(prev) > 0 && prev[0].Name == name {
			before = &prev[0]
		}
		c.lstatName(ctx, b, name, before)
	}
	b.node.volume.mu.Lock()
	defer b.node.volume.mu.Unlock()
	b.node.volume.seen.merge(b.seen)
	return nil
}

// lstatName adds the entry of one name to its block, unless it is left out, and decides
// how to handle it. A name that is left out in any case is not even examined.
func (c *capture) lstatName(ctx context.Context, b *block, name string, before *snapshot.Entry) {
	n, slot := b.node, len(b.entries)
	b.entries = append(b.entries, snapshot.Entry{}) // there is capacity: no entry moves
	drop := func() { b.entries = b.entries[:slot] }
	e := &b.entries[slot]
	full := func() string { return path.Join(n.path, name) }
	selected := n.selected.In(name)
	only := n.only && selected.Named == "" // no rule applies to ancestors of named paths
	decided := only
	if !only {
		var out bool
		if out, decided = c.leftOutUnseen(n, name, full); out {
			if only = selected != nil && len(selected.Below) > 0; !only {
				drop()
				return
			}
		}
	}
	if len(c.mounts) > 0 && c.sealed(n, name, full(), before, e) {
		c.addMount(b, slot, full())
		return
	}
	meta, err := n.dir.Lstat(name, e)
	if err != nil {
		c.markUnreadable(selected, full(), err)
		drop()
		return
	}
	c.identify(n, e, meta)
	if meta.Device == n.volume.device {
		b.seen.add(e.CTime, c.start)
	}
	if !only && c.leftOut(n, e, meta, decided, full) {
		if only = e.Type == snapshot.Dir && selected != nil && len(selected.Below) > 0; !only {
			drop()
			return
		}
	}
	alike := before != nil && n.alike(c, before, e)
	same := alike && !n.volume.unsized(e) && c.isSettled(n, e, meta.Device) && c.usable(ctx, n, before)
	if !c.take(b, slot, before, same, full) {
		sub := c.subNode(b, slot, before, meta, full())
		c.stepInto(sub, n, selected, only)
		if same {
			sub.same = before
		}
		b.subs = append(b.subs, sub)
		b.pending.Add(1)
	}
	if !same && (!alike || e.Type != snapshot.Dir) { // endNode decides about directories
		b.same.Store(false)
	}
}

// take decides how to handle an entry. It returns false for a directory.
func (c *capture) take(b *block, slot int, before *snapshot.Entry, same bool, full func() string) bool {
	e := &b.entries[slot]
	switch {
	case e.Type == snapshot.Dir:
		return false
	case same:
		c.count(e, before, b.reuse(e, before))
	case e.Type == snapshot.File:
		b.reads = append(b.reads, slot)
		b.pending.Add(1)
	default:
		if err := b.node.dir.Describe(e); err != nil {
			c.problem(full(), err)
		}
		c.count(e, before, false)
	}
	return true
}

// reuse takes the content of an entry from its older version, and its name and links from
// now. It reports whether nothing has changed.
func (b *block) reuse(e, before *snapshot.Entry) bool {
	now := *e
	*e = *before
	e.User, e.Group = now.User, now.Group
	e.Links, e.Device = now.Links, now.Device
	if now.Links > 0 {
		e.Inode = now.Inode
	}
	same := e.User == before.User && e.Group == before.Group
	if !same || e.Links != before.Links || e.Device != before.Device || e.Inode != before.Inode {
		b.same.Store(false)
	}
	return same
}

// addMount adds the entry of a mount point that must not be accessed.
func (c *capture) addMount(b *block, slot int, full string) {
	n := b.node
	sub := newNode(b, slot, full, func() (source.Dir, error) { return sealedMount{n.dir}, nil })
	sub.device, sub.volume, sub.rules = n.device, n.volume, n.rules
	b.subs = append(b.subs, sub)
	b.pending.Add(1)
	b.same.Store(false)
	c.skip(full, snapshot.NoteFileSystem, otherFileSystem)
}

// usable reports whether the content of the file can be taken from its older version.
func (c *capture) usable(ctx context.Context, n *node, before *snapshot.Entry) bool {
	if n.check == nil || before.Type != snapshot.File {
		return true
	}
	for chunk, err := range snapshot.Chunks(ctx, c.Loader, before, 0) {
		if err != nil || !n.check(chunk.ID) {
			return false
		}
	}
	return true
}

// resume makes the capture compare a directory with the state that an interrupted capture
// left of it.
func (c *capture) resume(n *node, e *snapshot.Entry) {
	if c.Resume == nil {
		return
	}
	if tree, ok := c.Resume.Trees[n.path]; ok {
		before := *e
		before.Subtree = tree
		n.before = &before
		n.resumed = true
		n.check = c.Resume.Stored
	}
}

// subNode returns the node of a directory that is the next entry of a block.
func (c *capture) subNode(b *block, slot int, before *snapshot.Entry, meta disk.Meta, full string) *node {
	e := &b.entries[slot]
	dir, name := b.node.dir, e.Name
	sub := newNode(b, slot, full, func() (source.Dir, error) { return dir.Sub(name) })
	sub.rules = b.node.rules
	sub.resumed, sub.check, sub.device = b.node.resumed, b.node.check, meta.Device
	sub.volume = c.volumeOf(sub, b.node)
	if before != nil && before.Type == snapshot.Dir {
		sub.before, sub.was = before, before
	}
	c.resume(sub, e)
	return sub
}
