package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// A presence finds out whether packs exist, and how long they are. It asks for one pack after
// another until that has taken as many requests as a listing, and then lists all packs. It
// isn't known before how many packs a restore needs. So a presence never takes more than
// twice as many requests as the better of both ways.
type presence struct {
	r *Reader

	mu       sync.Mutex
	sizes    map[pack.ID]int64 // of packs that were asked for; -1 is absent
	listed   map[pack.ID]int64 // of all packs; nil before the listing
	copies   map[pack.ID]packCopy
	requests int              // how many packs were asked for
	cost     int              // see listingCost; 0 if it is unknown
	gone     map[pack.ID]bool // packs that stayed missing or too short after the index was refreshed
}

func newPresence(r *Reader) *presence {
	return &presence{r: r, sizes: map[pack.ID]int64{}, copies: map[pack.ID]packCopy{}, gone: map[pack.ID]bool{}}
}

// packDirs is how many directories below "packs" hold packs.
const packDirs = 256

// listingCost returns how many requests a listing of all packs takes.
func (p *presence) listingCost(x *index.Index) (int, error) {
	if p.cost > 0 {
		return p.cost, nil
	}
	packs, err := x.Packs()
	if err != nil {
		return 0, err
	}
	if pager, ok := object.As[target.Pager](p.r.store); ok && pager.Page() > 0 {
		p.cost = 1 + (len(packs)-1)/pager.Page()
	} else {
		p.cost = 1 + min(len(packs), packDirs)
	}
	return p.cost, nil
}

// errNotPresent means that a pack is missing or too short.
var errNotPresent = errors.New("the pack is missing, or shorter than the index says")

// Present is part of extract.Source.
func (s *Source) Present(ctx context.Context, id chunk.ID) (replica string, err error) {
	return s.packs.has(ctx, id)
}

// has returns a *LostError unless a pack that holds the chunk exists and is long enough. If
// the pack is whole only on a replica, has returns the replica's name. It doesn't read packs.
func (p *presence) has(ctx context.Context, id chunk.ID) (replica string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var known *LostError // set if the index was refreshed before for all these packs
	err = p.r.WithIndex(ctx, func(x *index.Index) error {
		places, err := x.Lookup(id)
		if err != nil {
			return err
		}
		lost := &LostError{ID: id}
		old := len(places) > 0
		for _, place := range places {
			on, err := p.find(ctx, x, place)
			if err == nil {
				replica = on
				return nil
			}
			if _, damaged := errors.AsType[*pack.DamageError](err); !damaged {
				return err
			}
			lost.Err = err
			old = old && p.gone[place.Pack.ID]
		}
		if old {
			known = lost
			return nil
		}
		return lost
	})
	if known != nil {
		return "", known
	}
	if lost, ok := errors.AsType[*LostError](err); ok {
		if damage, ok := errors.AsType[*pack.DamageError](lost); ok {
			p.gone[damage.Pack] = true
		}
	}
	return replica, err
}

// find returns a *pack.DamageError unless the segment of a place exists. If it exists only on
// a replica, find returns the replica's name.
func (p *presence) find(ctx context.Context, x *index.Index, place index.Place) (replica string, err error) {
	damage := &pack.DamageError{Pack: place.Pack.ID, Err: errNotPresent}
	n := int(place.Segment)
	if n >= len(place.Pack.Segments) {
		return "", damage
	}
	segment := place.Pack.Segments[n]
	size, err := p.size(ctx, x, place.Pack.ID)
	if err != nil {
		return "", err
	}
	end := segment.Offset + int64(segment.Stored)
	if size >= end {
		return "", nil
	}
	return p.onReplica(ctx, place.Pack.ID, end, damage)
}

// size returns the size of a pack, or -1 if it is missing.
func (p *presence) size(ctx context.Context, x *index.Index, id pack.ID) (int64, error) {
	if size, ok := p.sizes[id]; ok {
		return size, nil
	}
	cost, err := p.listingCost(x)
	if err != nil {
		return 0, err
	}
	if p.listed == nil && p.requests >= cost {
		listed, err := p.r.Packs(ctx)
		if err != nil {
			return 0, err
		}
		p.listed = listed
	}
	if p.listed != nil {
		if size, ok := p.listed[id]; ok {
			return size, nil
		}
	}
	p.requests++ // also for a pack that isn't listed: it may be newer than the listing
	info, err := p.r.store.Stat(ctx, object.Packs.Name(id))
	size := info.Size
	if errors.Is(err, fs.ErrNotExist) {
		size, err = -1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", object.Packs.Name(id), err)
	}
	p.sizes[id] = size
	return size, nil
}

// A packCopy is the longest copy of a pack on any replica.
type packCopy struct {
	size    int64
	replica string
}

// onReplica returns the replica whose copy of a pack has at least end bytes. If there is none,
// it returns the error here.
func (p *presence) onReplica(ctx context.Context, id pack.ID, end int64, here error) (string, error) {
	c, known := p.copies[id]
	if !known {
		var err error
		if c.size, c.replica, err = p.r.store.LongestCopy(ctx, object.Packs.Name(id)); err != nil {
			return "", err
		}
		p.copies[id] = c
	}
	if c.size < end {
		return "", here
	}
	return c.replica, nil
}
