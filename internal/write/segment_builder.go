package write

import (
	"context"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A segmentBuilder collects blobs until they fill a segment. It implements
// capture.ChunkWriter.
type segmentBuilder struct {
	s       *Session
	packer  *packer
	full    int // bytes at which a segment is stored
	segment []byte
	parts   []pack.Part
	trend   pack.AutoState
}

// Reserve is part of capture.ChunkWriter.
func (b *segmentBuilder) Reserve(n int) []byte {
	if need := len(b.segment) + n + seal.Overhead; need > cap(b.segment) {
		most := b.full + b.s.e.Config.MaxChunk + seal.Overhead
		grown := make([]byte, len(b.segment), max(need, min(2*need, most)))
		copy(grown, b.segment)
		b.segment = grown
	}
	return b.segment[len(b.segment) : len(b.segment)+n]
}

// Put is part of capture.ChunkWriter.
func (b *segmentBuilder) Put(ctx context.Context, blob []byte) (chunk.ID, error) {
	hasher := b.s.e.Data
	if b.packer.kind == seal.TreePack {
		hasher = b.s.e.Tree
	}
	id := hasher.ID(blob)
	return id, b.PutNamed(ctx, id, blob)
}

// PutNamed is part of capture.ChunkWriter.
func (b *segmentBuilder) PutNamed(ctx context.Context, id chunk.ID, blob []byte) error {
	if err := b.s.err(); err != nil {
		return err
	}
	count, added := &b.s.counts.dataBlobs, &b.s.counts.dataAdded
	if b.packer.kind == seal.TreePack {
		count, added = &b.s.counts.treeBlobs, &b.s.counts.treeAdded
	}
	mine, healing, err := b.s.claim(ctx, id)
	if !mine {
		return err
	}
	if healing {
		b.s.counts.healed.Add(uint64(len(blob)))
	} else {
		count.Add(1)
		added.Add(uint64(len(blob)))
	}
	copy(b.Reserve(len(blob)), blob) // costs nothing if blob is the reserved memory itself
	b.segment = b.segment[:len(b.segment)+len(blob)]
	b.parts = append(b.parts, pack.Part{ID: id, Length: len(blob)})
	if len(b.segment) >= b.full || len(b.parts) >= maxSegmentBlobs {
		return b.Flush(ctx)
	}
	return nil
}

// Flush is part of capture.ChunkWriter.
func (b *segmentBuilder) Flush(ctx context.Context) error {
	if len(b.parts) == 0 {
		return nil
	}
	if err := b.s.e.Pace.Pace(ctx); err != nil {
		return err
	}
	var spare []byte
	select {
	case spare = <-b.s.freeBuffers:
	case <-b.s.ctx.Done():
		return b.s.err()
	}
	plain, parts := len(b.segment), b.parts
	if b.packer.kind == seal.TreePack { // trees are mostly ids, which don't shrink, but compressing them is worth the time
		b.trend = pack.AutoState{}
	}
	press := <-b.s.compressors
	codec, data, free := press.Compress(&b.trend, b.segment, spare)
	b.s.compressors <- press
	b.segment, b.parts = free, b.parts[:0]
	return b.packer.store(codec, data, plain, parts)
}
