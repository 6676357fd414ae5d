package repo

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// A halt ends a copy, unlike what is lost of a snapshot.
type halt struct{ error }

// Unwrap returns why.
func (h *halt) Unwrap() error { return h.error }

// halting returns an error as one that ends the copy, unless something is lost.
func halting(err error) error {
	var lost *LostError
	if err == nil || errors.As(err, &lost) {
		return err
	}
	return &halt{err}
}

// sourceTrees loads the pages of trees that are copied. It implements
// snapshot.Loader.
type sourceTrees struct{ e *engine.Engine }

// Tree is part of snapshot.Loader.
func (t sourceTrees) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	b, err := t.e.Blobs.Blob(ctx, id, true)
	return b, halting(err)
}

// A runSet is runs whose packs and manifests are stored as they are.
type runSet map[seal.Run]bool

// answerFor has the lease say that what is of these runs is to be left alone.
func (c *copier) answerFor(ctx context.Context, runs ...seal.Run) error {
	before := len(c.runs)
	for _, run := range runs {
		c.runs[run] = true
	}
	if len(c.runs) == before {
		return nil
	}
	return c.s.ProtectRuns(ctx, c.runs)
}

// cachedSegments is how many bytes of decompressed segments are kept.
const cachedSegments = 16 << 20

// openLanes makes as many lanes as chunks are read by at the same time: no more than
// find room in the cache of segments, or each would push out what others read.
func (c *copier) openLanes() {
	workers := c.o.Workers
	if c.from.Store.Remote() {
		workers = max(workers, blob.PrefetchGets)
	}
	n := min(workers, max(1, cachedSegments/(2*c.from.Config.SegmentSize)))
	c.lanes = make(chan capture.ChunkWriter, n)
	for range n {
		c.lanes <- c.s.ChunkWriter()
	}
}

// flush stores and lists all that was put.
func (c *copier) flush(ctx context.Context) error {
	for range cap(c.lanes) {
		l := <-c.lanes
		err := l.Flush(ctx)
		c.lanes <- l
		if err != nil {
			return err
		}
	}
	return c.s.Flush()
}

// So many blobs, one after another, are read and put by one goroutine.
const blobsInARow = 32

// repack puts blobs, whatever packs they are in, and returns their ids in the
// destination.
func (c *copier) repack(ctx context.Context, refs []blob.Ref) ([]chunk.ID, error) {
	ids := make([]chunk.ID, len(refs))
	defer c.from.Blobs.PrefetchBlobs(ctx, refs)()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cap(c.lanes))
	for from := 0; from < len(refs); from += blobsInARow {
		to := min(from+blobsInARow, len(refs))
		g.Go(func() error {
			l := <-c.lanes
			defer func() { c.lanes <- l }()
			for i := from; i < to; i++ {
				var err error
				if ids[i], err = c.put(ctx, l, refs[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return ids, g.Wait()
}

func (c *copier) put(ctx context.Context, l capture.ChunkWriter, ref blob.Ref) (id chunk.ID, err error) {
	b, err := c.from.Blobs.Blob(ctx, ref.ID, ref.Tree)
	if err != nil {
		return id, halting(err)
	}
	c.now(func(r *CopyReport) { r.BytesRead += uint64(len(b)) })
	if ref.Tree {
		id, err = c.s.PutTree(ctx, b)
	} else {
		id, err = l.Put(ctx, b)
	}
	if err != nil {
		err = &halt{err}
	}
	return id, err
}

// A batch gathers blobs that are to be packed anew.
type batch struct {
	c    *copier
	refs []blob.Ref
	in   map[chunk.ID]bool
	done func(from, to chunk.ID) // may be nil
}

const batchBlobs = 4096

func (c *copier) batch(done func(from, to chunk.ID)) *batch {
	return &batch{c: c, in: map[chunk.ID]bool{}, done: done}
}

func (b *batch) add(ctx context.Context, ref blob.Ref) error {
	if b.in[ref.ID] {
		return nil
	}
	b.in[ref.ID] = true
	b.refs = append(b.refs, ref)
	if len(b.refs) < batchBlobs {
		return nil
	}
	return b.flush(ctx)
}

func (b *batch) flush(ctx context.Context) error {
	ids, err := b.c.repack(ctx, b.refs)
	if err != nil {
		return err
	}
	if b.done != nil {
		for i, ref := range b.refs {
			b.done(ref.ID, ids[i])
		}
	}
	b.refs = b.refs[:0]
	clear(b.in)
	return nil
}

// A walker visits what snapshots reach, each tree once.
type walker struct {
	seen map[chunk.ID]bool // trees all beneath which was brought
}

// walk calls need for what a snapshot reaches, but for what an older version of its root
// does. It returns the trees it has been to.
func (w *walker) walk(ctx context.Context, m *snapshot.Manifest, l, old snapshot.Loader, base *snapshot.Entry, need func(blob.Ref) error) (visited map[chunk.ID]bool, err error) {
	visited = map[chunk.ID]bool{}
	visit := func(id chunk.ID, tree bool) (bool, error) {
		if tree {
			if w.seen[id] || visited[id] {
				return false, nil
			}
			visited[id] = true
		}
		if err := need(blob.Ref{ID: id, Tree: tree}); err != nil {
			return false, err
		}
		return true, ctx.Err()
	}
	for _, dir := range m.Dirs() {
		if err == nil {
			err = snapshot.ReachSince(ctx, l, dir, old, base, visit)
		}
		base = nil // of the notes, which are few, all is looked at
	}
	return visited, err
}

// brought notes that all beneath trees is there.
func (w *walker) brought(trees map[chunk.ID]bool) {
	for id := range trees {
		w.seen[id] = true
	}
}
