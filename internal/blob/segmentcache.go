package blob

import (
	"container/list"
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
)

// A segmentKey names a segment of a pack.
type segmentKey struct {
	pack   pack.ID
	number uint32
}

// A segmentCache keeps the segments that were used last. If a segment is being loaded, other
// callers wait for it. The zero value is empty and keeps nothing.
type segmentCache struct {
	limit   int // bytes of plain segments
	mu      sync.Mutex
	entries map[segmentKey]*list.Element // of *segmentEntry
	order   list.List                    // the one used last is in front
	bytes   int
}

type segmentEntry struct {
	key    segmentKey
	loaded chan struct{}
	plain  []byte
	err    error
}

// get returns a plain segment, and loads it if the cache doesn't have it. The bytes are
// shared and must not be changed.
func (c *segmentCache) get(key segmentKey, load func() ([]byte, error)) ([]byte, error) {
	for {
		el, mine := c.entry(key)
		e := el.Value.(*segmentEntry)
		if mine {
			return c.load(el, load)
		}
		<-e.loaded
		if !errors.Is(e.err, context.Canceled) && !errors.Is(e.err, context.DeadlineExceeded) {
			return e.plain, e.err
		}
		// The call that was loading it was cancelled; this one was not.
		c.mu.Lock()
		c.drop(el)
		c.mu.Unlock()
	}
}

// entry returns the entry of a segment, and whether the caller has to load it.
func (c *segmentCache) entry(key segmentKey) (el *list.Element, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[key]; ok {
		c.order.MoveToFront(el)
		return el, false
	}
	if c.entries == nil {
		c.entries = map[segmentKey]*list.Element{}
	}
	el = c.order.PushFront(&segmentEntry{key: key, loaded: make(chan struct{})})
	c.entries[key] = el
	return el, true
}

// load loads a segment into an entry, and makes room for it.
func (c *segmentCache) load(el *list.Element, load func() ([]byte, error)) ([]byte, error) {
	e := el.Value.(*segmentEntry)
	e.plain, e.err = load()
	close(e.loaded)

	c.mu.Lock()
	defer c.mu.Unlock()
	if e.err != nil {
		c.drop(el) // the next call tries again
		return nil, e.err
	}
	c.bytes += len(e.plain)
	c.makeRoom(el)
	return e.plain, nil
}

// put puts a segment into the cache before it is asked for.
func (c *segmentCache) put(key segmentKey, plain []byte) {
	el, mine := c.entry(key)
	if mine {
		_, _ = c.load(el, func() ([]byte, error) { return plain, nil })
	}
}

// makeRoom drops the segments that were used longest ago, except el.
func (c *segmentCache) makeRoom(el *list.Element) {
	for last := c.order.Back(); c.bytes > c.limit && last != nil; {
		before := last.Prev()
		if last != el && isLoaded(last.Value.(*segmentEntry)) {
			c.drop(last)
		}
		last = before
	}
}

// clear drops all segments that aren't being loaded.
func (c *segmentCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for el := c.order.Front(); el != nil; {
		after := el.Next()
		if isLoaded(el.Value.(*segmentEntry)) {
			c.drop(el)
		}
		el = after
	}
}

func isLoaded(e *segmentEntry) bool {
	select {
	case <-e.loaded:
		return true
	default:
		return false
	}
}

func (c *segmentCache) drop(el *list.Element) {
	e := el.Value.(*segmentEntry)
	if c.entries[e.key] == el {
		delete(c.entries, e.key)
		c.order.Remove(el)
		c.bytes -= len(e.plain)
	}
}

// SegmentName returns the name of a segment in the object cache.
func SegmentName(id pack.ID, n int) string {
	return object.CacheName(string(object.Packs)) + id.String() + "-" + strconv.Itoa(n)
}

// cachedSegment returns a segment of trees from the object cache, opened.
func (r *Reader) cachedSegment(p *pack.Info, n int) (plain []byte, ok bool) {
	_, ok = r.store.Cached(SegmentName(p.ID, n), func(sealed []byte) (err error) {
		if len(sealed) != p.Segments[n].Stored {
			return object.ErrHash
		}
		plain, err = r.OpenSegment(p, n, sealed, make([]byte, 0, p.Segments[n].Plain))
		return err
	})
	return plain, ok
}
