package capture

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/snapshot"
)

// An older is the older version of a file: where it was cut, and what the chunks are
// called. Of a huge one it knows those that may be met next. It is safe for concurrent
// use; a nil one knows nothing.
type older struct {
	loader  snapshot.Loader
	version *snapshot.Entry

	mu       sync.Mutex
	ahead    []snapshot.PlacedChunk // in order
	first    int                    // how many were before these
	all      bool                   // none is behind them
	byID     map[chunk.ID]int       // the number of the first of those ahead that is called so
	byOffset map[int64]int          // the same, by the offset where a chunk begins
	shift    int64                  // how much further the file's chunks lay where it was met last
}

// olderAhead is how many chunks of the older version may be met next, at most.
const olderAhead = 4096

// newOlder returns what to know of an older version, which may be nil.
func newOlder(ctx context.Context, l snapshot.Loader, version *snapshot.Entry) *older {
	if version == nil || version.List.IsZero() && len(version.Content) < 2 {
		return nil
	}
	o := &older{loader: l, version: version, byID: map[chunk.ID]int{}, byOffset: map[int64]int{}}
	o.look(ctx)
	return o
}

// look reads on. What can't be read ends the older version.
func (o *older) look(ctx context.Context) {
	if o.all || len(o.ahead) > olderAhead/2 {
		return
	}
	var from int64
	if n := len(o.ahead); n > 0 {
		from = o.ahead[n-1].Offset + int64(o.ahead[n-1].Length)
	}
	o.all = true
	for c, err := range snapshot.Chunks(ctx, o.loader, o.version, from) {
		if err != nil {
			return
		}
		if len(o.ahead) == olderAhead {
			o.all = false
			return
		}
		n := o.first + len(o.ahead)
		o.ahead = append(o.ahead, c)
		if _, there := o.byID[c.ID]; !there {
			o.byID[c.ID] = n
		}
		o.byOffset[c.Offset] = n
	}
}

// pass forgets the chunks before that number, and reads on.
func (o *older) pass(ctx context.Context, number int) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(max(number-o.first, 0), len(o.ahead)-1) // the last one says where to read on
	for i, c := range o.ahead[:max(n, 0)] {
		if o.byID[c.ID] == o.first+i {
			delete(o.byID, c.ID)
		}
		delete(o.byOffset, c.Offset)
	}
	if n > 0 {
		o.ahead = slices.Delete(o.ahead, 0, n)
		o.first += n
	}
	o.look(ctx)
}

// chunk returns the chunk of that number, if it is one that may be met.
func (o *older) chunk(number int) (snapshot.PlacedChunk, bool) {
	if o == nil {
		return snapshot.PlacedChunk{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := number - o.first; i >= 0 && i < len(o.ahead) {
		return o.ahead[i], true
	}
	return snapshot.PlacedChunk{}, false
}

// named returns the number of the chunk that is called so.
func (o *older) named(id chunk.ID) (number int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	number, ok = o.byID[id]
	return number, ok
}

// beginning returns the number of the chunk that begins at an offset.
func (o *older) beginning(offset int64) (number int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	number, ok = o.byOffset[offset]
	return number, ok
}

// met notes that the file's chunks lie so much further.
func (o *older) met(shift int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shift = shift
}

// guess returns the first chunk that begins at an offset of the file or behind it, and
// how much further it lies there, should the file go on as where the older version was
// met last.
func (o *older) guess(offset int64) (number int, c snapshot.PlacedChunk, shift int64) {
	if o == nil {
		return none, c, 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	i, _ := slices.BinarySearchFunc(o.ahead, offset-o.shift, func(c snapshot.PlacedChunk, offset int64) int {
		return cmp.Compare(c.Offset, offset)
	})
	if i == len(o.ahead) {
		return none, c, 0
	}
	return o.first + i, o.ahead[i], o.shift
}
