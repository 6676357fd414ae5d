package repo

import (
	"context"
	"sync"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A packer builds packs of one kind, one after another.
type packer struct {
	s    *session
	kind seal.Kind

	mu      sync.Mutex
	current *openPack
}

// An openPack is a pack that segments are written to.
type openPack struct {
	builder *pack.Builder
	spool   spool
	slot    *pack.Buffer
	pending int  // segments reserved and not written; guarded by the packer
	closed  bool // nothing more is reserved
}

// store seals a segment into the current pack, and has that uploaded when it is
// full and its last segment is written.
func (p *packer) store(codec pack.Codec, data []byte, plain int, parts []pack.Part) error {
	p.mu.Lock()
	o, err := p.open()
	if err != nil {
		p.mu.Unlock()
		return err
	}
	slot, size := o.builder.Reserve(codec, len(data), plain, parts)
	o.pending++
	if size >= p.s.r.config.PackSize {
		o.closed = true
		p.current = nil
	}
	p.mu.Unlock()

	if err := o.builder.Write(slot, data); err != nil {
		p.s.fail(err)
		return err
	}

	p.mu.Lock()
	o.pending--
	done := o.closed && o.pending == 0
	p.mu.Unlock()
	if done {
		p.s.uploads.Add(1)
		go p.s.upload(o)
	}
	return nil
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
	spool, err := p.s.r.newSpool(p.s.ctx, slot)
	if err == nil {
		p.current = &openPack{spool: spool, slot: slot}
		p.current.builder, err = pack.NewBuilder(p.s.r.box, p.kind, spool)
	}
	if err != nil {
		p.s.fail(err)
	}
	return p.current, err
}

// end has the current pack uploaded. Nobody may be storing.
func (p *packer) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.current; o != nil {
		p.current = nil
		p.s.uploads.Add(1)
		go p.s.upload(o)
	}
}

// A lane gathers blobs to a segment. It implements capture.Lane.
type lane struct {
	s       *session
	packer  *packer
	full    int // bytes at which a segment is stored
	segment []byte
	parts   []pack.Part
}

// Room is part of capture.Lane.
func (l *lane) Room(n int) []byte {
	if need := len(l.segment) + n; need > cap(l.segment) {
		most := l.full + l.s.r.config.MaxChunk
		grown := make([]byte, len(l.segment), max(need, min(2*need, most)))
		copy(grown, l.segment)
		l.segment = grown
	}
	return l.segment[len(l.segment) : len(l.segment)+n]
}

// Put is part of capture.Lane.
func (l *lane) Put(ctx context.Context, blob []byte) (chunk.ID, error) {
	if err := l.s.err(); err != nil {
		return chunk.ID{}, err
	}
	hasher, count, added := l.s.r.data, &l.s.stats.dataBlobs, &l.s.stats.dataAdded
	if l.packer.kind == seal.TreePack {
		hasher, count, added = l.s.r.tree, &l.s.stats.treeBlobs, &l.s.stats.treeAdded
	}
	id := hasher.ID(blob)
	if !l.s.claim(id) {
		return id, nil
	}
	count.Add(1)
	added.Add(uint64(len(blob)))
	copy(l.Room(len(blob)), blob) // costs nothing where blob is this very room
	l.segment = l.segment[:len(l.segment)+len(blob)]
	l.parts = append(l.parts, pack.Part{ID: id, Length: len(blob)})
	if len(l.segment) >= l.full {
		return id, l.Flush(ctx)
	}
	return id, nil
}

// Flush is part of capture.Lane.
func (l *lane) Flush(context.Context) error {
	if len(l.parts) == 0 {
		return nil
	}
	press := <-l.s.presses
	defer func() { l.s.presses <- press }()
	codec, data := press.Compress(l.segment)
	err := l.packer.store(codec, data, len(l.segment), l.parts)
	l.segment, l.parts = l.segment[:0], l.parts[:0]
	return err
}
