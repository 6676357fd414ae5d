package blob

import (
	"context"
	"errors"
	"iter"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/pack"
)

// A Source reads the segments that a restore needs: several at a time, each once. It is an
// extract.Source, and is safe for concurrent use.
type Source struct {
	r      *Reader
	sealed chan []byte // free buffers
	packs  *presence
}

// Source returns a source from which that many workers can read segments at the same time.
func (r *Reader) Source(workers int) *Source {
	s := &Source{r: r, sealed: make(chan []byte, workers), packs: newPresence(r)}
	for range workers {
		s.sealed <- nil
	}
	return s
}

// Tree is part of snapshot.Loader.
func (s *Source) Tree(ctx context.Context, id chunk.ID) ([]byte, error) { return s.r.Tree(ctx, id) }

// Locate is part of extract.Source.
func (s *Source) Locate(ctx context.Context, id chunk.ID) (index.Place, error) {
	var place index.Place
	err := s.r.WithIndex(ctx, func(x *index.Index) error {
		places, err := x.Lookup(id)
		if err != nil {
			return err
		}
		if len(places) == 0 {
			return &LostError{ID: id}
		}
		place = places[0]
		return nil
	})
	return place, err
}

// Prefetch is part of extract.Source.
func (s *Source) Prefetch(ctx context.Context, segments iter.Seq2[*pack.Info, int]) (stop func()) {
	if !s.r.store.Remote() {
		return func() {}
	}
	return s.r.prefetch(ctx, joinSegments(segments))
}

// Requests is part of extract.Source.
func (s *Source) Requests(segments iter.Seq2[*pack.Info, int]) (n int) {
	if s.r.store.Remote() {
		return len(joinSegments(segments))
	}
	for range segments {
		n++
	}
	return n
}

// Segment is part of extract.Source.
func (s *Source) Segment(ctx context.Context, p *pack.Info, n int, buf []byte) ([]byte, error) {
	if n >= len(p.Segments) {
		return nil, &pack.DamageError{Pack: p.ID, Err: errors.New("the pack has fewer segments than the index says")}
	}
	if err := s.r.pacer.Pace(ctx); err != nil {
		return nil, err
	}
	stored, plain := p.Segments[n].Stored, p.Segments[n].Plain
	if cap(buf) < plain {
		buf = make([]byte, 0, plain+plain/2)
	}
	if b, ok := s.r.prefetcher.take(ctx, p, n); ok {
		if plain, err := s.r.OpenSegment(p, n, b, buf[:0]); err == nil {
			return plain, nil
		}
	}
	sealed := <-s.sealed
	defer func() { s.sealed <- sealed }()
	if cap(sealed) < stored {
		sealed = make([]byte, stored+stored/2)
	}
	err := s.r.ReadRange(ctx, p.ID, p.Segments[n].Offset, sealed[:stored])
	if err == nil {
		var out []byte
		if out, err = s.r.OpenSegment(p, n, sealed[:stored], buf[:0]); err == nil {
			return out, nil
		}
	}
	return s.r.segmentFromReplica(ctx, p, n, buf[:0], err)
}

// Chunk is part of extract.Source.
func (s *Source) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	return s.r.Blob(ctx, id, false)
}

// Verify is part of extract.Source.
func (s *Source) Verify(id chunk.ID, data []byte) error { return s.r.data.Verify(id, data) }
