package capture

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// A node is a directory that is being captured.
type node struct {
	block   *block // the block that holds its entry
	slot    int    // number of its entry in the block
	path    string // relative to the root, "" for the root
	open    func() (source.Dir, error)
	first   *block
	before  *snapshot.Entry              // the directory in the parent snapshot, or nil
	was     *snapshot.Entry              // the directory in the leaf of the block that holds its entry, or nil
	same    *snapshot.Entry              // its entry there if unchanged, or nil
	racy    racyTime                     // stamps that aren't settled; set by learnVolume
	resumed bool                         // compared with the state of an interrupted run
	check   func(chunk.ID) (usable bool) // checks chunks taken from before; may be nil

	selected *source.Selection // the named paths below it, or nil
	only     bool              // only the selection is captured: the directory is an ancestor of named paths

	// The scan of the first block sets the following fields.
	dir       source.Dir
	rules     *ignore.Set
	device    uint64
	volume    *volume
	typesOnce sync.Once
	types     map[string]snapshot.Type // see typeOf
	cacheOnly bool                     // a cache directory: only its tag is captured

	mu     sync.Mutex
	next   *block // the first block that is not in the tree yet
	writer *snapshot.TreeWriter
}

// A block is a range of a directory's names, in order.
type block struct {
	node  *node
	after *block // the next block

	names []string
	leaf  *snapshot.Leaf   // the parent snapshot's leaf that held these names, or nil
	prev  []snapshot.Entry // the leaf's entries

	// The scan sets the following fields.
	state   scanState // guarded by the scanner
	ready   chan struct{}
	err     error // the context's error
	entries []snapshot.Entry
	seen    stamps
	reads   []int // numbers of entries whose files must be read
	subs    []*node
	weight  int // entries counted as scanned ahead

	same    atomic.Bool  // so far, the entries equal those of the leaf
	pending atomic.Int32 // unfinished files and directories, plus one for the walk
	done    bool         // guarded by node.mu
}

func newBlock(n *node, names []string) *block {
	b := &block{node: n, names: names, ready: make(chan struct{})}
	b.pending.Store(1)
	return b
}

func newNode(parent *block, slot int, path string, open func() (source.Dir, error)) *node {
	n := &node{block: parent, slot: slot, path: path, open: open}
	n.first = newBlock(n, nil)
	n.next = n.first
	return n
}

// rootNode returns the node of the source's root, whose entry is in a block that belongs
// to no directory.
func (c *capture) rootNode(src *source.Source) (*node, error) {
	dir, err := src.Open()
	if err != nil {
		return nil, c.unmounted("", err)
	}
	var e snapshot.Entry
	meta, err := dir.Self(&e)
	if err != nil {
		dir.Close()
		return nil, err
	}
	holder := &block{entries: []snapshot.Entry{e}, prev: []snapshot.Entry{{}}}
	n := newNode(holder, 0, "", func() (source.Dir, error) { return dir, nil })
	n.device, n.volume = meta.Device, c.addVolume("", meta.Device)
	n.volume.seen.add(e.CTime, c.start)
	c.noteMount(n)
	if n.selected = src.Selected; n.selected != nil {
		n.only = n.selected.Named == ""
	}
	if c.Parent != nil {
		n.before = &c.Parent.Root
		if c.Lost != nil {
			n.check = func(id chunk.ID) bool { return !c.Lost(id) }
		}
		holder.prev[0] = c.Parent.Root
	}
	return n, nil
}

// entry returns the directory's own entry.
func (n *node) entry() *snapshot.Entry { return &n.block.entries[n.slot] }

// finishOne records that one item of the block is finished. The last one adds the block
// to its directory's tree.
func (c *capture) finishOne(ctx context.Context, b *block) error {
	if b.node == nil { // the root's block
		c.result.Root = b.entries[0]
		return nil
	}
	if b.pending.Add(-1) > 0 {
		return nil
	}
	return c.endBlock(ctx, b)
}

// endBlock adds this block and the finished blocks after it to the tree. After the last
// one it ends the directory.
func (c *capture) endBlock(ctx context.Context, b *block) error {
	n := b.node
	n.mu.Lock()
	defer n.mu.Unlock()
	b.done = true
	for n.next != nil && n.next.done {
		if err := c.addBlock(ctx, n.next); err != nil {
			return err
		}
		n.next = n.next.after
	}
	if n.next != nil {
		return nil
	}
	return c.endNode(ctx, n)
}

func (c *capture) treeWriter(ctx context.Context) *snapshot.TreeWriter {
	return snapshot.NewTreeWriter(func(page []byte) (chunk.ID, error) { return c.Sink.PutTree(ctx, page) })
}

func (c *capture) addBlock(ctx context.Context, b *block) error {
	n := b.node
	if n.writer == nil {
		n.writer = c.treeWriter(ctx)
	}
	reused := false
	if b.leaf != nil && b.same.Load() && len(b.entries) == b.leaf.Count {
		var err error
		if reused, err = n.writer.Reuse(*b.leaf); err != nil {
			return err
		}
	}
	for i := range b.entries {
		if e := &b.entries[i]; !reused && e.Problem != vanished {
			if err := n.writer.Add(e); err != nil {
				return err
			}
		}
	}
	b.entries, b.prev, b.names, b.subs = nil, nil, nil, nil
	return nil
}

// endNode stores the directory's tree and passes its id up.
func (c *capture) endNode(ctx context.Context, n *node) error {
	e := n.entry()
	if n.dir != nil {
		if err := n.dir.Close(); err != nil {
			c.problem(n.path, err)
		}
	}
	if e.Problem == "" {
		var err error
		if e.Subtree, err = n.writer.Finish(); err != nil {
			return err
		}
	}
	if c.Completed != nil && e.Problem == "" {
		c.Completed(n.path, e.Subtree)
	}
	c.Progress.Dirs.Add(1)
	switch {
	case n.before == nil:
		c.Progress.NewDirs.Add(1)
	case n.before.Subtree == e.Subtree && snapshot.SameAttributes(n.before, e):
		c.Progress.SameDirs.Add(1)
	default:
		c.Progress.ChangedDirs.Add(1)
	}
	if n.was == nil || n.was.Subtree != e.Subtree || !snapshot.SameXattrs(n.was, e) {
		n.block.same.Store(false)
	}
	return c.finishOne(ctx, n.block)
}
