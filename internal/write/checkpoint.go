package write

import (
	"bytes"
	"context"
	"path"
	"slices"
	"sync"

	"github.com/qsnap/qsnap/chunk"
)

// maxCheckpoint bounds the directories that a checkpoint lists.
const maxCheckpoint = 10_000

// A checkpoint lists the directories that a capture has completed so far. It leaves out
// directories inside completed ones. The lease carries the checkpoint, so that the next run
// can use it if this one is interrupted.
type checkpoint struct {
	mu    sync.Mutex
	trees map[string]chunk.ID
	below map[string][]string // completed directories, by a parent that isn't completed
}

func newCheckpoint() *checkpoint {
	return &checkpoint{trees: map[string]chunk.ID{}, below: map[string][]string{}}
}

func (c *checkpoint) add(dir string, tree chunk.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sub := range c.below[dir] {
		delete(c.trees, sub)
	}
	delete(c.below, dir)
	if dir == "" || len(c.trees) >= maxCheckpoint {
		return
	}
	c.trees[dir] = tree
	parent := path.Dir(dir)
	if parent == "." {
		parent = ""
	}
	c.below[parent] = append(c.below[parent], dir)
}

// saveCheckpoint stores the completed trees, and lists all stored packs in a delta, so that
// the next run finds both. It doesn't store chunks of packs that are still being built.
func (s *Session) saveCheckpoint(ctx context.Context, c *checkpoint) ([][2][]byte, error) {
	if err := s.cutMu.Lock(ctx); err != nil {
		return nil, err
	}
	defer s.cutMu.Unlock()
	trees := c.list()
	if err := s.flushPages(ctx); err != nil {
		return nil, err
	}
	p, err := s.tree.cut(ctx)
	if err != nil {
		return nil, err
	}
	if p != nil {
		select {
		case <-p.stored:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return trees, s.listPacks()
}

// Completed adds a directory to the checkpoint. Its tree was put.
func (s *Session) Completed(dir string, tree chunk.ID) { s.checkpoint.add(dir, tree) }

func (c *checkpoint) list() [][2][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out [][2][]byte
	for dir, tree := range c.trees {
		out = append(out, [2][]byte{[]byte(dir), bytes.Clone(tree[:])})
	}
	slices.SortFunc(out, func(a, b [2][]byte) int { return bytes.Compare(a[0], b[0]) })
	return out
}
