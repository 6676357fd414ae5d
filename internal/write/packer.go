package write

import (
	"context"
	"sync/atomic"

	"github.com/qsnap/qsnap/internal/ctxmutex"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A packer builds packs of one kind, one after another.
type packer struct {
	s    *Session
	kind seal.Kind

	mu      ctxmutex.Mutex // guards current, and is held while a new pack waits for a buffer
	current *openPack
}

// An openPack is a pack that segments are written to.
type openPack struct {
	builder *pack.Builder
	spool   object.Spool
	buffer  *pack.Buffer
	blobs   int           // in all segments that were reserved
	pending atomic.Int32  // segments reserved and not written, and one while the pack is current
	stored  chan struct{} // closed when the pack is stored or has failed
}

// Bounds on the blobs of a segment and of a pack. All of them stay in memory until the pack is
// stored and listed, and a pack of tiny files could hold a million.
const (
	maxSegmentBlobs = 8 << 10
	maxPackBlobs    = 32 << 10
)

// store adds a compressed segment to the current pack. In the background, it seals the segment
// and writes it, and uploads the pack if the pack is full and this was its last segment. The
// work counts as one of the session's uploads. data is one of the session's freeBuffers, and
// is given back.
func (p *packer) store(codec pack.Codec, data []byte, plain int, parts []pack.Part) error {
	o, slot, err := p.reserve(codec, len(data), plain, parts)
	if err != nil {
		p.s.freeBuffers <- data
		return err
	}
	p.s.uploads.Add(1)
	go func() {
		defer p.s.uploads.Done()
		err := o.builder.Write(slot, data)
		p.s.freeBuffers <- data
		if err != nil {
			p.s.fail(err)
		}
		p.s.finishSegment(o)
	}()
	return nil
}

// reserve finds the place of a segment in a pack. When the segment is written, the caller calls
// finishSegment.
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
		p.s.finishSegment(o)
	}
	return o, slot, nil
}

// finishSegment uploads a pack once it isn't current any more and all its segments are
// written.
func (s *Session) finishSegment(o *openPack) {
	if o.pending.Add(-1) == 0 {
		s.uploads.Add(1)
		go s.upload(o)
	}
}

// open returns the current pack. If there is none, it waits for a free buffer and returns a
// new pack.
func (p *packer) open() (*openPack, error) {
	if p.current != nil {
		return p.current, nil
	}
	var buffer *pack.Buffer
	select {
	case buffer = <-p.s.packBuffers:
	case <-p.s.ctx.Done():
		return nil, p.s.err()
	}
	o, err := p.newPack(buffer)
	if err != nil {
		p.s.packBuffers <- buffer
		p.s.fail(err)
		return nil, err
	}
	p.current = o
	return o, nil
}

func (p *packer) newPack(buffer *pack.Buffer) (*openPack, error) {
	spool, err := p.s.e.Store.Spool(p.s.ctx, buffer)
	if err != nil {
		return nil, err
	}
	builder, err := pack.NewBuilder(p.s.e.Sealer, p.s.Run, p.kind, spool)
	if err != nil {
		return nil, object.Join(err, spool.Discard())
	}
	o := &openPack{builder: builder, spool: spool, buffer: buffer, stored: make(chan struct{})}
	o.pending.Store(1)
	return o, nil
}

// cut ends the current pack, which is uploaded once its segments are written. It returns the
// pack, or nil if there is none.
func (p *packer) cut(ctx context.Context) (*openPack, error) {
	if err := p.mu.Lock(ctx); err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	return p.end(), nil
}

// CutData ends the current pack of chunks, which is then stored. Chunks that are put later go
// to other packs.
func (s *Session) CutData(ctx context.Context) error {
	_, err := s.data.cut(ctx)
	return err
}

// end does what cut does. It must not be called while blobs are put.
func (p *packer) end() *openPack {
	o := p.current
	if o != nil {
		p.current = nil
		p.s.finishSegment(o)
	}
	return o
}
