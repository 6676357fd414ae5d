package capture

import (
	"context"
	"slices"
	"sync"

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
	if err := c.Pace.Pace(ctx); err != nil {
		return err
	}
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
