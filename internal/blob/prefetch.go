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

// What is read from afar is read ahead, in the order in which it lies: segments that
// are neighbours in one request, and several requests at a time, within bounds on
// their bytes. It changes nothing but when bytes come: what wasn't read ahead, or
// couldn't be, is read when it is asked for, and fails then.

const (
	prefetchLength = 5 << 20   // bytes that one request asks for
	prefetchGap    = 128 << 10 // bytes that are read in vain rather than to begin a request
	prefetchMost   = 40 << 20  // bytes that were read and not asked for yet
	PrefetchGets   = 8         // requests at the same time
)

// An prefetcher is the segments that are read ahead. Its zero value is empty.
type prefetcher struct {
	mu   sync.Mutex
	runs map[segmentKey]*prefetchRange
}

// An prefetchRange is neighbouring segments of a pack, read by one request.
type prefetchRange struct {
	pack     *pack.Info
	segments []uint32
	off      int64
	buf      []byte
	size     int64

	// Guarded by the set.
	left    int    // segments that nobody has asked for
	release func() // gives back its room; nil until it is being read

	done chan struct{} // closed when it is read, or could not be
	err  error
}

// joinSegments joins segments, which are in the order in which they will be asked for.
func joinSegments(segments iter.Seq2[*pack.Info, int]) []*prefetchRange {
	var out []*prefetchRange
	var last *prefetchRange
	for p, n := range segments {
		if n >= len(p.Segments) {
			continue // who asks for it is told
		}
		s := p.Segments[n]
		end := s.Offset + int64(s.Stored)
		if last != nil && last.pack.ID == p.ID {
			gap := s.Offset - (last.off + last.size)
			if gap >= 0 && gap <= prefetchGap && end-last.off <= prefetchLength {
				last.segments = append(last.segments, uint32(n))
				last.size = end - last.off
				last.left++
				continue
			}
		}
		last = &prefetchRange{pack: p, segments: []uint32{uint32(n)}, off: s.Offset, size: int64(s.Stored), left: 1, done: make(chan struct{})}
		out = append(out, last)
	}
	return out
}

// add makes reads known, but for what others read ahead already.
func (a *prefetcher) add(all []*prefetchRange) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.runs == nil {
		a.runs = map[segmentKey]*prefetchRange{}
	}
	for _, s := range all {
		for _, n := range s.segments {
			key := segmentKey{s.pack.ID, n}
			if a.runs[key] != nil {
				s.left--
				continue
			}
			a.runs[key] = s
		}
	}
}

// remove forgets reads.
func (a *prefetcher) remove(all []*prefetchRange) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range all {
		for _, n := range s.segments {
			if key := (segmentKey{s.pack.ID, n}); a.runs[key] == s {
				delete(a.runs, key)
			}
		}
	}
}

// begin reports whether one is to be made, as something of it may be asked for.
func (a *prefetcher) begin(s *prefetchRange, release func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.left == 0 {
		return false
	}
	s.release = release
	return true
}

// take returns a segment as stored if it is read ahead, and waits for it if it is on
// its way. The bytes are the caller's. Who asks for what hasn't been begun is not kept
// waiting: what was expected before it may never be asked for.
func (a *prefetcher) take(ctx context.Context, p *pack.Info, n int) ([]byte, bool) {
	a.mu.Lock()
	key := segmentKey{p.ID, uint32(n)}
	s := a.runs[key]
	if s == nil {
		a.mu.Unlock()
		return nil, false
	}
	delete(a.runs, key)
	s.left--
	release := s.release
	last := s.left == 0
	a.mu.Unlock()
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
	from, to := p.Segments[n].Offset-s.off, p.Segments[n].Offset-s.off+int64(p.Segments[n].Stored)
	return s.buf[from:to:to], true
}

// prefetch has segments read ahead that will be asked for in about this order, each
// once. The function it returns ends that, and must be called.
func (r *Reader) prefetch(ctx context.Context, all []*prefetchRange) (stop func()) {
	if len(all) < 2 {
		return func() {} // it would be no sooner
	}
	r.ahead.add(all)
	ctx, cancel := context.WithCancel(ctx)
	room := semaphore.NewWeighted(prefetchMost)
	var g errgroup.Group
	g.SetLimit(PrefetchGets)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, s := range all {
			size := min(s.size, prefetchMost)
			if room.Acquire(ctx, size) != nil {
				break
			}
			if !r.ahead.begin(s, func() { room.Release(size) }) {
				room.Release(size)
				continue
			}
			g.Go(func() error {
				defer close(s.done)
				s.buf = make([]byte, s.size)
				s.err = r.ReadRange(ctx, s.pack.ID, s.off, s.buf)
				return nil // who asks for it tries again
			})
		}
		_ = g.Wait()
	}()
	return func() {
		cancel()
		<-ended
		r.ahead.remove(all)
	}
}

// A Ref names a chunk or a tree.
type Ref struct {
	ID   chunk.ID
	Tree bool
}

// PrefetchBlobs has the segments read ahead that hold blobs which will be asked for.
func (r *Reader) PrefetchBlobs(ctx context.Context, refs []Ref) (stop func()) {
	x, err := r.Index(ctx)
	if err != nil || !r.store.Remote() {
		return func() {} // who asks for them is told
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

// A treePrefetch tells whether trees are being read one after another. Its zero value
// knows of nothing.
type treePrefetch struct {
	mu     sync.Mutex
	last   segmentKey // that was read
	window int64
}

// treeStep is how far on the next segment may lie of a walk: what is in between was
// read before.
const treeStep = 8

// count returns how many segments of a pack to read at once, from one that is needed:
// the more, the longer they have been read in order.
func (w *treePrefetch) count(p *pack.Info, n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if from := int(w.last.number); w.last.pack == p.ID && n > from && n <= from+treeStep {
		w.window = min(max(2*w.window, prefetchLength/8), prefetchLength)
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

// readTrees reads a segment of trees from afar, unless it is cached, and maybe some
// that follow it, which it leaves in the caches.
func (r *Reader) readTrees(ctx context.Context, p *pack.Info, n int) ([]byte, error) {
	if plain, ok := r.cachedSegment(p, n); ok {
		return plain, nil
	}
	first := p.Segments[n]
	if count := r.walk.count(p, n); count > 1 {
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

// openTrees opens a segment of trees, whose bytes it uses up, and keeps it as it was.
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
