package blob

import (
	"bytes"
	"context"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
)

// Segments of a remote target are prefetched in the order of their offsets. One request reads
// neighbouring segments, and several requests are under way at a time, within a bound on their
// bytes. Prefetching changes only when bytes arrive. A segment that wasn't prefetched, or
// couldn't be, is read when it is needed, and an error is returned then.

const (
	prefetchRangeSize = 5 << 20   // bytes of one request
	prefetchGap       = 128 << 10 // largest gap that is read and discarded instead of starting a new request
	maxPrefetched     = 40 << 20  // bytes that were read and not used yet
	PrefetchGets      = 8         // requests at the same time
)

// A prefetcher is the segments that are being prefetched. Its zero value is empty.
type prefetcher struct {
	mu     sync.Mutex
	ranges map[segmentKey]*prefetchRange
}

// A prefetchRange is neighbouring segments of a pack that one request reads.
type prefetchRange struct {
	pack     *pack.Info
	segments []uint32
	off      int64
	buf      []byte
	size     int64

	// Guarded by the prefetcher.
	unused  int    // segments that nobody has asked for
	release func() // gives back the room of buf; nil until the request begins

	done chan struct{} // closed when the request has succeeded or failed
	err  error
}

// joinSegments joins neighbouring segments to ranges. The segments are in the order in which
// they will be used.
func joinSegments(segments iter.Seq2[*pack.Info, int]) []*prefetchRange {
	var out []*prefetchRange
	var last *prefetchRange
	for p, n := range segments {
		if n >= len(p.Segments) {
			continue // reading it returns the error
		}
		s := p.Segments[n]
		end := s.Offset + int64(s.Stored)
		if last != nil && last.pack.ID == p.ID {
			gap := s.Offset - (last.off + last.size)
			if gap >= 0 && gap <= prefetchGap && end-last.off <= prefetchRangeSize {
				last.segments = append(last.segments, uint32(n))
				last.size = end - last.off
				last.unused++
				continue
			}
		}
		last = &prefetchRange{pack: p, segments: []uint32{uint32(n)}, off: s.Offset, size: int64(s.Stored), unused: 1, done: make(chan struct{})}
		out = append(out, last)
	}
	return out
}

// add adds ranges, except segments that another range has already.
func (p *prefetcher) add(all []*prefetchRange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ranges == nil {
		p.ranges = map[segmentKey]*prefetchRange{}
	}
	for _, s := range all {
		for _, n := range s.segments {
			key := segmentKey{s.pack.ID, n}
			if p.ranges[key] != nil {
				s.unused--
				continue
			}
			p.ranges[key] = s
		}
	}
}

// remove removes ranges.
func (p *prefetcher) remove(all []*prefetchRange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range all {
		for _, n := range s.segments {
			if key := (segmentKey{s.pack.ID, n}); p.ranges[key] == s {
				delete(p.ranges, key)
			}
		}
	}
}

// begin reports whether a range is still worth reading, because a segment of it is unused. It
// then marks the range as being read.
func (p *prefetcher) begin(s *prefetchRange, release func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.unused == 0 {
		return false
	}
	s.release = release
	return true
}

// take returns a segment as stored if it was prefetched. If its request is under way, take
// waits for it. It doesn't wait for a request that hasn't begun, because the segments before
// it may never be used. The caller owns the bytes.
func (p *prefetcher) take(ctx context.Context, info *pack.Info, n int) ([]byte, bool) {
	p.mu.Lock()
	key := segmentKey{info.ID, uint32(n)}
	s := p.ranges[key]
	if s == nil {
		p.mu.Unlock()
		return nil, false
	}
	delete(p.ranges, key)
	s.unused--
	release := s.release
	last := s.unused == 0
	p.mu.Unlock()
	if release == nil {
		return nil, false
	}
	if last {
		defer release()
	}
	select {
	case <-s.done:
	case <-ctx.Done():
		return nil, false
	}
	if s.err != nil {
		return nil, false
	}
	from, to := info.Segments[n].Offset-s.off, info.Segments[n].Offset-s.off+int64(info.Segments[n].Stored)
	return s.buf[from:to:to], true
}

// prefetch reads ranges in the background. Their segments should be used in about this order,
// each once. The caller must call stop when it has used them.
func (r *Reader) prefetch(ctx context.Context, all []*prefetchRange) (stop func()) {
	if len(all) < 2 {
		return func() {} // the only request would begin no sooner
	}
	r.prefetcher.add(all)
	ctx, cancel := context.WithCancel(ctx)
	room := semaphore.NewWeighted(maxPrefetched)
	var g errgroup.Group
	g.SetLimit(PrefetchGets)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, s := range all {
			size := min(s.size, maxPrefetched)
			if room.Acquire(ctx, size) != nil {
				break
			}
			if !r.prefetcher.begin(s, func() { room.Release(size) }) {
				room.Release(size)
				continue
			}
			g.Go(func() error {
				defer close(s.done)
				s.buf = make([]byte, s.size)
				s.err = r.ReadRange(ctx, s.pack.ID, s.off, s.buf)
				return nil // a reader that needs the segment reads it again
			})
		}
		_ = g.Wait()
	}()
	return func() {
		cancel()
		<-ended
		r.prefetcher.remove(all)
	}
}

// A Ref names a chunk or a tree.
type Ref struct {
	ID   chunk.ID
	Tree bool
}

// PrefetchBlobs prefetches the segments that hold chunks. It ignores trees. The caller must
// call stop when it has used the chunks.
func (r *Reader) PrefetchBlobs(ctx context.Context, refs []Ref) (stop func()) {
	x, err := r.Index(ctx)
	if err != nil || !r.store.Remote() {
		return func() {} // reading the blobs returns the error
	}
	return r.prefetch(ctx, joinSegments(func(yield func(*pack.Info, int) bool) {
		seen := map[segmentKey]bool{}
		for _, ref := range refs {
			places, err := x.Lookup(ref.ID)
			if err != nil || len(places) == 0 || ref.Tree {
				continue
			}
			key := segmentKey{places[0].Pack.ID, places[0].Segment}
			if !seen[key] && !yield(places[0].Pack, int(key.number)) {
				return
			}
			seen[key] = true
		}
	}))
}

// A treePrefetch detects that trees are read one after another. Its zero value is ready to
// use.
type treePrefetch struct {
	mu     sync.Mutex
	last   segmentKey // the segment that was read last
	window int64      // bytes to read at once
}

// treeStep is how many segments a walk through trees may advance at a time. Those in between
// were read before.
const treeStep = 8

// count returns how many segments of a pack to read at once, beginning with segment n. The
// longer segments were read in order, the more it returns.
func (w *treePrefetch) count(p *pack.Info, n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if from := int(w.last.number); w.last.pack == p.ID && n > from && n <= from+treeStep {
		w.window = min(max(2*w.window, prefetchRangeSize/8), prefetchRangeSize)
	} else {
		w.window = 0
	}
	count, size := 1, int64(p.Segments[n].Stored)
	for n+count < len(p.Segments) {
		if size += int64(p.Segments[n+count].Stored); size > w.window {
			break
		}
		count++
	}
	w.last = segmentKey{p.ID, uint32(n + count - 1)}
	return count
}

// readTrees reads a segment of trees from a remote target, unless it is cached. It may read
// some of the following segments, too, and leaves them in the caches.
func (r *Reader) readTrees(ctx context.Context, p *pack.Info, n int) ([]byte, error) {
	if plain, ok := r.cachedSegment(p, n); ok {
		return plain, nil
	}
	first := p.Segments[n]
	if count := r.treePrefetch.count(p, n); count > 1 {
		last := p.Segments[n+count-1]
		buf := make([]byte, last.Offset+int64(last.Stored)-first.Offset)
		if err := r.ReadRange(ctx, p.ID, first.Offset, buf); err == nil {
			for i := n + 1; i < n+count; i++ {
				if plain, err := r.openTrees(p, i, buf[p.Segments[i].Offset-first.Offset:][:p.Segments[i].Stored]); err == nil {
					r.segments.put(segmentKey{p.ID, uint32(i)}, plain)
				}
			}
			return r.openTrees(p, n, buf[:first.Stored])
		}
	}
	buf := make([]byte, first.Stored)
	if err := r.ReadRange(ctx, p.ID, first.Offset, buf); err != nil {
		return nil, err
	}
	return r.openTrees(p, n, buf)
}

// openTrees opens a segment of trees and caches its sealed bytes. It overwrites sealed.
func (r *Reader) openTrees(p *pack.Info, n int, sealed []byte) ([]byte, error) {
	var keep []byte
	if r.store.Caches() {
		keep = bytes.Clone(sealed)
	}
	plain, err := r.OpenSegment(p, n, sealed, make([]byte, 0, p.Segments[n].Plain))
	if err == nil && keep != nil {
		r.store.Cache(SegmentName(p.ID, n), keep)
	}
	return plain, err
}
