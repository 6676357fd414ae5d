package capture

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/snapshot"
)

// A baseVersion is the older version of a file: its cuts and the ids of its chunks. Of a
// huge file it holds those that may be met next. It is safe for concurrent use. A nil
// baseVersion has no chunks.
type baseVersion struct {
	loader  snapshot.Loader
	version *snapshot.Entry

	mu       sync.Mutex
	ahead    []snapshot.PlacedChunk // in order
	first    int                    // number of the first of these
	all      bool                   // there are none after these
	byID     map[chunk.ID]int       // number of the first chunk ahead with that id
	byOffset map[int64]int          // the same, by the chunk's offset
	shift    int64                  // offset of the file's chunks minus that of the older version's, where they last met
}

// baseAhead is how many chunks ahead of the current one may be met, at most.
const baseAhead = 4096

// newBaseVersion returns the baseVersion of an older version, which may be nil.
func newBaseVersion(ctx context.Context, l snapshot.Loader, version *snapshot.Entry) *baseVersion {
	if version == nil || version.List.IsZero() && len(version.Content) < 2 {
		return nil
	}
	o := &baseVersion{loader: l, version: version, byID: map[chunk.ID]int{}, byOffset: map[int64]int{}}
	o.look(ctx)
	return o
}

// look reads further chunks. An unreadable page ends the older version.
func (o *baseVersion) look(ctx context.Context) {
	if o.all || len(o.ahead) > baseAhead/2 {
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
		if len(o.ahead) == baseAhead {
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

// pass drops the chunks before that number, and reads further ones.
func (o *baseVersion) pass(ctx context.Context, number int) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(max(number-o.first, 0), len(o.ahead)-1) // the last one is needed to read on
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

// chunk returns the chunk of that number, if it may be met.
func (o *baseVersion) chunk(number int) (snapshot.PlacedChunk, bool) {
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

// named returns the number of the chunk with that id.
func (o *baseVersion) named(id chunk.ID) (number int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	number, ok = o.byID[id]
	return number, ok
}

// beginning returns the number of the chunk that begins at an offset.
func (o *baseVersion) beginning(offset int64) (number int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	number, ok = o.byOffset[offset]
	return number, ok
}

// met records the shift at which the file met the older version.
func (o *baseVersion) met(shift int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shift = shift
}

// guess returns the first chunk that would begin at or after an offset of the file, and
// its shift, if the file continues as where the older version was met last.
func (o *baseVersion) guess(offset int64) (number int, c snapshot.PlacedChunk, shift int64) {
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
