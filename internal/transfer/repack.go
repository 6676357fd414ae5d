package transfer

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/capture"
)

// cachedSegments is how many bytes of decompressed segments the lanes may need in the cache.
const cachedSegments = 16 << 20

// openLanes makes one lane for each goroutine that reads chunks. There are only as many as the
// cache of segments has room for, or each would evict what others read.
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

// blobsInARow is how many blobs one goroutine reads and puts one after another.
const blobsInARow = 32

// repack packs blobs again, whatever packs they are in, and returns their ids in the
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

// put reads a blob, puts it in the destination, and returns its id there.
func (c *copier) put(ctx context.Context, l capture.ChunkWriter, ref blob.Ref) (id chunk.ID, err error) {
	b, err := c.from.Blobs.Blob(ctx, ref.ID, ref.Tree)
	if err != nil {
		return id, fatalUnlessLost(err)
	}
	c.progress.count(func(r *Report) { r.BytesRead += int64(len(b)) })
	if ref.Tree {
		return c.putPage(ctx, b)
	}
	if id, err = l.Put(ctx, b); err != nil {
		err = &fatalError{err}
	}
	return id, err
}

// putPage puts a page of a tree in the destination.
func (c *copier) putPage(ctx context.Context, page []byte) (chunk.ID, error) {
	id, err := c.s.PutTree(ctx, page)
	if err != nil {
		err = &fatalError{err}
	}
	return id, err
}

// maxBatch bounds the blobs of a batch.
const maxBatch = 4096

// A batch collects blobs that are packed again together.
type batch struct {
	c        *copier
	refs     []blob.Ref
	has      map[chunk.ID]bool
	repacked func(from, to chunk.ID) // is called with a blob's ids in both; may be nil
}

func (c *copier) newBatch(repacked func(from, to chunk.ID)) *batch {
	return &batch{c: c, has: map[chunk.ID]bool{}, repacked: repacked}
}

// add adds a blob, and packs the batch again if it is full.
func (b *batch) add(ctx context.Context, ref blob.Ref) error {
	if b.has[ref.ID] {
		return nil
	}
	b.has[ref.ID] = true
	b.refs = append(b.refs, ref)
	if len(b.refs) < maxBatch {
		return nil
	}
	return b.flush(ctx)
}

// flush packs the batch again, and empties it.
func (b *batch) flush(ctx context.Context) error {
	ids, err := b.c.repack(ctx, b.refs)
	if err != nil {
		return err
	}
	if b.repacked != nil {
		for i, ref := range b.refs {
			b.repacked(ref.ID, ids[i])
		}
	}
	b.refs = b.refs[:0]
	clear(b.has)
	return nil
}
