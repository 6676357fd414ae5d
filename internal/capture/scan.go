package capture

import (
	"context"
	"path"
	"slices"
	"sync"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

const (
	blockNames = 4096      // names in a block of a directory without an older version
	maxAhead   = 16 * 1024 // how many entries scanners may be ahead of the walk
)

type scanState int

const (
	waiting scanState = iota
	scanning
	scanned
)

// A scanner holds the blocks to scan, in the order in which the walk will reach them,
// with the next one on top.
type scanner struct {
	mu     sync.Mutex
	wake   *sync.Cond
	stack  []*block
	ahead  int
	closed bool
}

func (s *scanner) init(ctx context.Context) {
	s.wake = sync.NewCond(&s.mu)
	context.AfterFunc(ctx, s.close)
}

func (s *scanner) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.wake.Broadcast()
}

// take claims the next block, waiting for one if needed. It returns nil at the end.
func (s *scanner) take() *block {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for n := len(s.stack); n > 0 && s.ahead < maxAhead && !s.closed; n = len(s.stack) {
			b := s.stack[n-1]
			s.stack = s.stack[:n-1]
			if b.state == waiting {
				b.state = scanning
				return b
			}
		}
		if s.closed {
			return nil
		}
		s.wake.Wait()
	}
}

// claim claims a block for the walk, unless a scanner has claimed it.
func (s *scanner) claim(b *block) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.state != waiting {
		return false
	}
	b.state = scanning
	return true
}

// finished marks a block as scanned, and queues what comes after it.
func (s *scanner) finished(b *block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.state = scanned
	b.weight = len(b.entries) + 1
	s.ahead += b.weight
	if b.after != nil {
		s.stack = append(s.stack, b.after)
	}
	for _, sub := range slices.Backward(b.subs) {
		s.stack = append(s.stack, sub.first)
	}
	close(b.ready)
	s.wake.Broadcast()
}

// visited records that the walk has reached a block.
func (s *scanner) visited(b *block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead -= b.weight
	s.wake.Broadcast()
}

// scanAhead scans blocks before the walk reaches them.
func (c *capture) scanAhead(ctx context.Context) {
	for b := c.scan.take(); b != nil; b = c.scan.take() {
		c.scanBlock(ctx, b)
	}
}

// await returns when a block has been scanned, by this or another goroutine.
func (c *capture) await(ctx context.Context, b *block) error {
	if c.scan.claim(b) {
		c.scanBlock(ctx, b)
	}
	select {
	case <-b.ready:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *capture) scanBlock(ctx context.Context, b *block) {
	defer c.scan.finished(b)
	if b == b.node.first {
		if err := c.openNode(ctx, b.node); err != nil {
			if b.err = ctx.Err(); b.err == nil {
				c.unopened(b.node, err)
			}
			return
		}
	}
	b.err = c.lstatBlock(ctx, b)
}

// openNode opens a directory, lists it, reads its rules and cuts it into blocks.
func (c *capture) openNode(ctx context.Context, n *node) (err error) {
	if n.dir, err = n.open(); err != nil {
		return c.unmounted(n.path, err)
	}
	defer func() {
		if err != nil {
			n.dir.Close()
			n.dir = nil
		}
	}()
	if err := c.describeDir(n); err != nil {
		return err
	}
	c.learnVolume(n)
	names, err := n.dir.Names()
	if err != nil {
		return err
	}
	if err := c.checkEmptied(ctx, n, names); err != nil {
		return err
	}
	if n.rules, err = c.readRules(n, names); err != nil {
		return err
	}
	n.cacheOnly = c.SkipCaches && slices.Contains(names, cacheTag) && c.isCache(n)
	return c.cutBlocks(ctx, n, names)
}

// describeDir completes the directory's own entry with its attributes.
func (c *capture) describeDir(n *node) error {
	if n.same != nil && !c.IgnoreCTime && c.mounts[n.path] != "autofs" { // changed attributes would have changed the ctime
		n.entry().Xattrs = n.same.Xattrs
		return nil
	}
	self := *n.entry()
	meta, err := n.dir.Self(&self)
	if err != nil {
		return err
	}
	if c.mounts[n.path] == "autofs" && meta.Device != n.device { // the automounter has just mounted it
		n.device, n.volume.device = meta.Device, meta.Device
	}
	n.entry().Xattrs = self.Xattrs
	return nil
}

// cutBlocks distributes the names to blocks: the names in each leaf of the older version,
// or a few thousand each.
func (c *capture) cutBlocks(ctx context.Context, n *node, names []string) error {
	var leaves []snapshot.Leaf
	if n.before != nil && n.before.Type == snapshot.Dir && n.before.Problem == "" {
		var err error
		leaves, err = snapshot.Leaves(ctx, c.Loader, n.before.Subtree)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			leaves = nil // damaged: read this directory as if it were new
		}
	}
	b := n.first
	for i := range max(1, len(leaves)) {
		count := len(names)
		if i < len(leaves)-1 {
			var found bool
			count, found = slices.BinarySearch(names, leaves[i].Last)
			if found {
				count++
			}
		}
		if i > 0 {
			b = b.append(nil)
		}
		if i < len(leaves) {
			b.leaf = &leaves[i]
		}
		b.names, names = names[:count], names[count:]
		b = b.split()
	}
	return nil
}

func (b *block) append(names []string) *block {
	b.after = newBlock(b.node, names)
	return b.after
}

// split splits a block that has become far larger than its leaf.
func (b *block) split() *block {
	for len(b.names) > 2*blockNames {
		rest := b.names[blockNames:]
		b.names = b.names[:blockNames]
		leaf := b.leaf
		b = b.append(rest)
		b.leaf = leaf
	}
	return b
}

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
		if i%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
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
	selected := n.selected.in(name)
	only := n.only && selected.named == "" // no rule applies to ancestors of named paths
	decided := only
	if !only {
		var out bool
		if out, decided = c.leftOutUnseen(n, name, full); out {
			if only = selected != nil && len(selected.below) > 0; !only {
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
		if only = e.Type == snapshot.Dir && selected != nil && len(selected.below) > 0; !only {
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
	sub := newNode(b, slot, full, func() (directory, error) { return sealedMount{n.dir}, nil })
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
	sub := newNode(b, slot, full, func() (directory, error) { return dir.sub(name) })
	sub.rules = b.node.rules
	sub.resumed, sub.check, sub.device = b.node.resumed, b.node.check, meta.Device
	sub.volume = c.volumeOf(sub, b.node)
	if before != nil && before.Type == snapshot.Dir {
		sub.before, sub.was = before, before
	}
	c.resume(sub, e)
	return sub
}
