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

// A presence knows of packs whether they are there, and how long they are. It asks for
// them one by one until that has taken as many requests as a listing, and then lists all.
// So it never takes twice as many requests as the better way, though nobody knows before
// how many packs a restore needs.
type presence struct {
	r *Reader

	mu     sync.Mutex
	sizes  map[pack.ID]int64 // of those that were asked for: -1 is absent
	listed map[pack.ID]int64 // all there are, once they were listed
	copies map[pack.ID]packCopy
	asked  int
	cost   int              // see listingCost
	gone   map[pack.ID]bool // that a chunk was missed in, after the index was brought up to date
}

func newPresence(r *Reader) *presence {
	return &presence{r: r, sizes: map[pack.ID]int64{}, copies: map[pack.ID]packCopy{}, gone: map[pack.ID]bool{}}
}

// packDirs is how many directories the packs lie in, beside the one that these lie in.
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

// missing is what is wrong with a pack that isn't there with its length.
var errNotPresent = errors.New("it is not there, or shorter than its index says")

// Present is part of extract.Source.
func (s *Source) Present(ctx context.Context, id chunk.ID) (replica string, err error) {
	return s.packs.has(ctx, id)
}

// has returns a *LostError unless a chunk is in a pack that is there, on the target or
// a replica, whose name it returns, and long enough. It reads nothing of the pack.
func (p *presence) has(ctx context.Context, id chunk.ID) (replica string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var known *LostError // of packs for which the index needn't be brought up to date again
	err = p.r.WithIndex(ctx, func(x *index.Index) error {
		places, err := x.Lookup(id)
		if err != nil {
			return err
		}
		lost := &LostError{ID: id}
		old := len(places) > 0
		for _, place := range places {
			on, err := p.there(ctx, x, place)
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

// there returns a *pack.DamageError unless the place's segment is there, or on a replica,
// whose name it returns.
func (p *presence) there(ctx context.Context, x *index.Index, place index.Place) (replica string, err error) {
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

// size returns how long a pack is, or -1 if it isn't there.
func (p *presence) size(ctx context.Context, x *index.Index, id pack.ID) (int64, error) {
	if size, ok := p.sizes[id]; ok {
		return size, nil
	}
	cost, err := p.listingCost(x)
	if err != nil {
		return 0, err
	}
	if p.listed == nil && p.asked >= cost {
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
	p.asked++ // one that came since then, too
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
	size int64
	on   string
}

// onReplica returns the replica that has that much of a pack, or an error.
func (p *presence) onReplica(ctx context.Context, id pack.ID, end int64, here error) (string, error) {
	c, known := p.copies[id]
	if !known {
		var err error
		if c.size, c.on, err = p.r.store.LongestCopy(ctx, object.Packs.Name(id)); err != nil {
			return "", err
		}
		p.copies[id] = c
	}
	if c.size < end {
		return "", here
	}
	return c.on, nil
}
