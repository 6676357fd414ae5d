package repo

import (
	"container/list"
	"sync"

	"github.com/qsnap/qsnap/pack"
)

// segmentCacheBytes bounds what decompressed segments are kept.
const segmentCacheBytes = 16 << 20

// A segmentKey names a segment of a pack.
type segmentKey struct {
	pack   pack.ID
	number uint32
}

// A segmentCache keeps the segments that were used last. Who asks for one that is
// being loaded waits for it. Its zero value is empty and ready to use.
type segmentCache struct {
	mu      sync.Mutex
	entries map[segmentKey]*list.Element // of *segmentEntry
	order   list.List                    // the last used in front
	bytes   int
}

type segmentEntry struct {
	key    segmentKey
	loaded chan struct{}
	plain  []byte
	err    error
}

// get returns the plain segment, which is shared and must not be changed.
func (c *segmentCache) get(key segmentKey, load func() ([]byte, error)) ([]byte, error) {
	c.mu.Lock()
	if el, ok := c.entries[key]; ok {
		c.order.MoveToFront(el)
		c.mu.Unlock()
		e := el.Value.(*segmentEntry)
		<-e.loaded
		return e.plain, e.err
	}
	if c.entries == nil {
		c.entries = map[segmentKey]*list.Element{}
	}
	e := &segmentEntry{key: key, loaded: make(chan struct{})}
	el := c.order.PushFront(e)
	c.entries[key] = el
	c.mu.Unlock()

	e.plain, e.err = load()
	close(e.loaded)

	c.mu.Lock()
	defer c.mu.Unlock()
	if e.err != nil {
		c.drop(el) // the next one tries again
		return nil, e.err
	}
	c.bytes += len(e.plain)
	for last := c.order.Back(); c.bytes > segmentCacheBytes && last != nil; {
		before := last.Prev()
		if last != el && isLoaded(last.Value.(*segmentEntry)) {
			c.drop(last)
		}
		last = before
	}
	return e.plain, nil
}

// clear forgets all segments that aren't being loaded.
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
