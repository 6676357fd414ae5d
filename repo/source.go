package repo

import (
	"context"
	"errors"
	"iter"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/pack"
)

// A source reads what a restore needs. It implements extract.Source.
type source struct {
	*Repo
	trees
	page   []byte // of a tree that isn't stored
	pageID chunk.ID
	sealed chan []byte // buffers that are free
	packs  *presence
}

// sourceOf returns a source that many segments can be read from at once.
func sourceOf(r *Repo, workers int) *source {
	s := &source{Repo: r, trees: trees{r}, sealed: make(chan []byte, workers), packs: newPresence(r)}
	for range workers {
		s.sealed <- nil
	}
	return s
}

// Tree is part of snapshot.Loader.
func (s *source) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	if s.page != nil && id == s.pageID {
		return s.page, nil
	}
	return s.trees.Tree(ctx, id)
}

// Locate is part of extract.Source.
func (s *source) Locate(ctx context.Context, id chunk.ID) (index.Place, error) {
	var place index.Place
	err := s.persist(ctx, func(x *index.Index) error {
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
func (s *source) Prefetch(ctx context.Context, segments iter.Seq2[*pack.Info, int]) (stop func()) {
	if !s.store.Remote() {
		return func() {}
	}
	return s.expect(ctx, joinSegments(segments))
}

// Requests is part of extract.Source.
func (s *source) Requests(segments iter.Seq2[*pack.Info, int]) (n int) {
	if s.store.Remote() {
		return len(joinSegments(segments))
	}
	for range segments {
		n++
	}
	return n
}

// Segment is part of extract.Source.
func (s *source) Segment(ctx context.Context, p *pack.Info, n int, buf []byte) ([]byte, error) {
	if n >= len(p.Segments) {
		return nil, &pack.DamageError{Pack: p.ID, Err: errors.New("it has fewer segments than its index says")}
	}
	stored, plain := p.Segments[n].Stored, p.Segments[n].Plain
	if cap(buf) < plain {
		buf = make([]byte, 0, plain+plain/2)
	}
	if b, ok := s.ahead.take(ctx, p, n); ok {
		if plain, err := s.openSegment(p, n, b, buf[:0]); err == nil {
			return plain, nil
		}
	}
	sealed := <-s.sealed
	defer func() { s.sealed <- sealed }()
	if cap(sealed) < stored {
		sealed = make([]byte, stored+stored/2)
	}
	err := s.readRange(ctx, p.ID, p.Segments[n].Offset, sealed[:stored])
	if err == nil {
		var out []byte
		if out, err = s.openSegment(p, n, sealed[:stored], buf[:0]); err == nil {
			return out, nil
		}
	}
	return s.segmentElsewhere(ctx, p, n, buf[:0], err)
}

// Chunk is part of extract.Source.
func (s *source) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	return s.blob(ctx, id, false)
}

// Verify is part of extract.Source.
func (s *source) Verify(id chunk.ID, data []byte) error { return s.data.Verify(id, data) }
