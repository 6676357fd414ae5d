package write

import (
	"context"
	"sync/atomic"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/ctxmutex"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A packer builds packs of one kind, one after another.
type packer struct {
	s    *Session
	kind seal.Kind

	mu      ctxmutex.Mutex // guards current, and is held while a new pack has to wait for memory
	current *openPack
}

// An openPack is a pack that segments are written to.
type openPack struct {
	builder *pack.Builder
	spool   object.Spool
	slot    *pack.Buffer
	blobs   int           // reserved so far
	pending atomic.Int32  // segments reserved and not written, and one while it is current
	stored  chan struct{} // closed when it is, or has failed
}

// What bounds the blobs of a segment and of a pack, all of which are kept in mind until
// it is stored and listed: a pack of tiny files would hold a million.
const (
	maxSegmentBlobs = 8 << 10
	maxPackBlobs    = 32 << 10
)

// store has a segment sealed into the current pack, and that uploaded when it is full
// and its last segment is written. Nobody waits for that, but it is one of the session's
// uploads: data is a buffer of the session, and becomes a spare one again.
func (p *packer) store(codec pack.Codec, data []byte, plain int, parts []pack.Part) error {
	o, slot, err := p.reserve(codec, len(data), plain, parts)
	if err != nil {
		p.s.spares <- data
		return err
	}
	p.s.uploads.Add(1)
	go func() {
		defer p.s.uploads.Done()
		err := o.builder.Write(slot, data)
		p.s.spares <- data
		if err != nil {
			p.s.fail(err)
		}
		p.s.release(o)
	}()
	return nil
}

// reserve finds the place of a segment in a pack, which is to be released when it
// is written.
func (p *packer) reserve(codec pack.Codec, size, plain int, parts []pack.Part) (*openPack, pack.Slot, error) {
	if err := p.mu.Lock(p.s.ctx); err != nil {
		return nil, pack.Slot{}, err
	}
	defer p.mu.Unlock()
	o, err := p.open()
	if err != nil {
		return nil, pack.Slot{}, err
	}
	slot, full := o.builder.Reserve(codec, size, plain, parts)
	o.pending.Add(1)
	o.blobs += len(parts)
	if full >= p.s.e.Config.PackSize || o.blobs >= maxPackBlobs {
		p.current = nil
		p.s.release(o)
	}
	return o, slot, nil
}

// release has a pack uploaded when it is complete: no more current, and all that
// was reserved written.
func (s *Session) release(o *openPack) {
	if o.pending.Add(-1) == 0 {
		s.uploads.Add(1)
		go s.upload(o)
	}
}

// open returns the current pack, or a new one when there is memory for it.
func (p *packer) open() (*openPack, error) {
	if p.current != nil {
		return p.current, nil
	}
	var slot *pack.Buffer
	select {
	case slot = <-p.s.slots:
	case <-p.s.ctx.Done():
		return nil, p.s.err()
	}
	o, err := p.begin(slot)
	if err != nil {
		p.s.slots <- slot
		p.s.fail(err)
		return nil, err
	}
	p.current = o
	return o, nil
}

func (p *packer) begin(slot *pack.Buffer) (*openPack, error) {
	spool, err := p.s.e.Store.Spool(p.s.ctx, slot)
	if err != nil {
		return nil, err
	}
	builder, err := pack.NewBuilder(p.s.e.Sealer, p.s.Run, p.kind, spool)
	if err != nil {
		return nil, object.Join(err, spool.Discard())
	}
	o := &openPack{builder: builder, spool: spool, slot: slot, stored: make(chan struct{})}
	o.pending.Store(1)
	return o, nil
}

// cut has the current pack uploaded once what is reserved in it is written. It
// returns the pack, or nil if there is none.
func (p *packer) cut(ctx context.Context) (*openPack, error) {
	if err := p.mu.Lock(ctx); err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	return p.end(), nil
}

// CutData has the pack of chunks that is being built stored: what is put next is in others.
func (s *Session) CutData(ctx context.Context) error {
	_, err := s.data.cut(ctx)
	return err
}

// end does what cut does. Nobody may be storing.
func (p *packer) end() *openPack {
	o := p.current
	if o != nil {
		p.current = nil
		p.s.release(o)
	}
	return o
}

// A lane gathers blobs to a segment. It implements capture.ChunkWriter.
type lane struct {
	s       *Session
	packer  *packer
	full    int // bytes at which a segment is stored
	segment []byte
	parts   []pack.Part
	trend   pack.AutoState
}

// Reserve is part of capture.ChunkWriter.
func (l *lane) Reserve(n int) []byte {
	if need := len(l.segment) + n + seal.Overhead; need > cap(l.segment) {
		most := l.full + l.s.e.Config.MaxChunk + seal.Overhead
		grown := make([]byte, len(l.segment), max(need, min(2*need, most)))
		copy(grown, l.segment)
		l.segment = grown
	}
	return l.segment[len(l.segment) : len(l.segment)+n]
}

// Put is part of capture.ChunkWriter.
func (l *lane) Put(ctx context.Context, blob []byte) (chunk.ID, error) {
	hasher := l.s.e.Data
	if l.packer.kind == seal.TreePack {
		hasher = l.s.e.Tree
	}
	id := hasher.ID(blob)
	return id, l.PutNamed(ctx, id, blob)
}

// PutNamed is part of capture.ChunkWriter.
func (l *lane) PutNamed(ctx context.Context, id chunk.ID, blob []byte) error {
	if err := l.s.err(); err != nil {
		return err
	}
	count, added := &l.s.counts.dataBlobs, &l.s.counts.dataAdded
	if l.packer.kind == seal.TreePack {
		count, added = &l.s.counts.treeBlobs, &l.s.counts.treeAdded
	}
	if !l.s.claim(id) {
		return nil
	}
	count.Add(1)
	added.Add(uint64(len(blob)))
	copy(l.Reserve(len(blob)), blob) // costs nothing where blob is this very room
	l.segment = l.segment[:len(l.segment)+len(blob)]
	l.parts = append(l.parts, pack.Part{ID: id, Length: len(blob)})
	if len(l.segment) >= l.full || len(l.parts) >= maxSegmentBlobs {
		return l.Flush(ctx)
	}
	return nil
}

// Flush is part of capture.ChunkWriter.
func (l *lane) Flush(context.Context) error {
	if len(l.parts) == 0 {
		return nil
	}
	var spare []byte
	select {
	case spare = <-l.s.spares:
	case <-l.s.ctx.Done():
		return l.s.err()
	}
	plain, parts := len(l.segment), l.parts
	if l.packer.kind == seal.TreePack { // mostly ids, which don't shrink, and yet worth the time
		l.trend = pack.AutoState{}
	}
	press := <-l.s.presses
	codec, data, free := press.Compress(&l.trend, l.segment, spare)
	l.s.presses <- press
	l.segment, l.parts = free, l.parts[:0]
	return l.packer.store(codec, data, plain, parts)
}

// keepTrees keeps the segments of a pack that was stored, if they are of trees: the
// next snapshot of the same source reads some of them.
func (s *Session) keepTrees(info *pack.Info, from object.Spool) {
	if !s.e.Store.Caches() || !info.IsTree() {
		return
	}
	for n, segment := range info.Segments {
		b := make([]byte, segment.Stored)
		if _, err := from.ReadAt(b, segment.Offset); err != nil {
			return // they are fetched
		}
		s.e.Store.Cache(blob.SegmentName(info.ID, n), b)
	}
}
