package capture

import (
	"context"
	"iter"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/snapshot"
)

// A predictor cuts a file where the cutter would, but takes the cuts of the file's
// older version for granted where the bytes are the same: as a cut depends on
// nothing but the bytes of its chunk, a chunk that began like an old one and has its
// id ends where that one did. Naming a chunk takes a quarter of the time of
// looking for its end, and it has to be named in any case.
//
// That doesn't hold for the old version's last chunk, which the end of the file cut.
//
// Where the file differs, the cutter runs until it meets the old version again: a
// chunk that it has, or a cut at an offset where it has one.
type predictor struct {
	cutter *chunk.Cutter
	name   func([]byte) chunk.ID

	more     func() (snapshot.PlacedChunk, error, bool) // the older version; nil behind its last chunk
	stop     func()
	ahead    []snapshot.PlacedChunk // what may come, in the older version's order
	first    int                    // how many chunks were before these
	byID     map[chunk.ID]int       // where the first of those ahead with an id is, counted from the beginning
	byOffset map[int64]int          // the same, by the offset where a chunk begins

	expected bool  // the first one ahead is what is expected next
	shift    int64 // how much further the file's chunks lie than the older version's
	at       int64 // in the file's content
	misses   int   // chunks since the older version was met
}

const (
	predictAhead = 4096 // chunks of the older version that may be met next
	patience     = 32   // chunks of a file that are all looked for; then one of so many
	patienceStep = 8
)

// newPredictor returns a predictor for a file whose older version may be nil.
// close must be called when it is cut.
func newPredictor(ctx context.Context, l snapshot.Loader, c *chunk.Cutter, name func([]byte) chunk.ID, before *snapshot.Entry) *predictor {
	p := &predictor{cutter: c, name: name, stop: func() {}}
	if before == nil || before.List.IsZero() && len(before.Content) < 2 {
		return p
	}
	p.more, p.stop = iter.Pull2(snapshot.Chunks(ctx, l, before, 0))
	p.byID, p.byOffset = map[chunk.ID]int{}, map[int64]int{}
	p.expected = true
	p.look()
	return p
}

func (p *predictor) close() { p.stop() }

// look reads on in the older version. What can't be read ends it.
func (p *predictor) look() {
	for p.more != nil && len(p.ahead) < predictAhead {
		c, err, ok := p.more()
		if !ok || err != nil {
			p.more = nil
			if n := len(p.ahead); n > 0 {
				p.drop(n-1, n) // the last one
			}
			return
		}
		n := p.first + len(p.ahead)
		p.ahead = append(p.ahead, c)
		if _, there := p.byID[c.ID]; !there {
			p.byID[c.ID] = n
		}
		p.byOffset[c.Offset] = n
	}
}

// drop forgets chunks ahead: those at the front, or the last one.
func (p *predictor) drop(from, to int) {
	for i := from; i < to; i++ {
		c := &p.ahead[i]
		if p.byID[c.ID] == p.first+i {
			delete(p.byID, c.ID)
		}
		delete(p.byOffset, c.Offset)
	}
	if from > 0 {
		p.ahead = p.ahead[:from]
		return
	}
	p.ahead = p.ahead[to:]
	p.first += to
}

// cut returns the length of the first chunk of buf, as Cutter.Cut does, and its id
// or zero if it wasn't named.
func (p *predictor) cut(buf []byte) (n int, id chunk.ID) {
	n, id = p.next(buf)
	p.at += int64(n)
	return n, id
}

func (p *predictor) next(buf []byte) (n int, id chunk.ID) {
	p.look()
	tried := 0
	if p.expected && len(p.ahead) > 0 {
		old := p.ahead[0]
		if tried = int(old.Length); tried <= len(buf) {
			id = p.name(buf[:tried])
			if id == old.ID && p.cutter.MayEnd(buf[:tried]) {
				p.met(0)
				return tried, id
			}
		}
	}
	p.expected = false
	if n = p.cutter.Cut(buf); len(p.ahead) == 0 {
		return n, chunk.ID{}
	}
	if p.misses++; p.misses > patience && p.misses%patienceStep != 0 {
		return n, chunk.ID{}
	}
	if n != tried || id.IsZero() {
		id = p.name(buf[:n])
	}
	if i, ok := p.byID[id]; ok {
		p.met(i - p.first)
	} else if i, ok := p.byOffset[p.at+int64(n)-p.shift]; ok {
		p.drop(0, i-p.first)
		p.expected = true
	}
	return n, id
}

// met says that the file has a chunk of the older version now, and before what
// follows that one.
func (p *predictor) met(i int) {
	p.shift = p.at - p.ahead[i].Offset
	p.drop(0, i+1)
	p.expected, p.misses = true, 0
}
