package prune

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
)

// A Removal says which packs Remove deletes: packs that are damaged, or missing and still
// listed.
type Removal struct {
	Packs map[pack.ID]BadPack
	// Before is called for each pack, in the order of their ids, after all blobs were moved
	// and before any pack is deleted. An error of it ends the removal. It may be nil.
	Before func(context.Context, pack.ID) error
}

// A BadPack is what is known of a pack that Remove deletes.
type BadPack struct {
	Segments map[int]bool // the numbers of segments that can't be read
	Info     *pack.Info   // what it holds; nil if only the pack, or a delta, tells that
}

// Remove moves out of packs the blobs that can be read there and that no other pack holds,
// and then deletes the packs in the order of steps in which Run deletes any. The engine is
// one that engine.Fresh has made, and the session is a run of it that deletes. Remove
// returns how many blobs it has moved.
//
// Unlike Run it waits for no run, because a run that relies on a damaged pack is better off
// without it; and it reads no snapshots, because a blob that can't be read keeps no pack. A
// pack is kept only if a blob that was moved out of it isn't reliably held by another.
func Remove(ctx context.Context, e *engine.Engine, s *write.Session, r Removal) (moved int64, err error) {
	x := &removal{pruner: newPruner(e, s, Options{}), bad: r.Packs, moved: map[chunk.ID]bool{}}
	if err := x.collect(ctx); err != nil {
		return 0, err
	}
	data, damaged := s.ChunkWriter(), slices.SortedFunc(maps.Keys(r.Packs), object.Compare)
	var numbers []int
	for _, id := range damaged {
		numbers = append(numbers, x.numberOf(id))
		if err := x.salvage(ctx, id, data); err != nil {
			return x.count, err
		}
	}
	if err := data.Flush(ctx); err != nil {
		return x.count, err
	}
	if err := s.Flush(); err != nil {
		return x.count, err
	}
	for _, id := range damaged {
		if r.Before == nil {
			break
		}
		if err := r.Before(ctx, id); err != nil {
			return x.count, err
		}
	}
	x.noWait, x.isMarked, x.mustKeep = true, true, func(item index.Item) bool { return x.moved[item.ID] }
	return x.count, x.delete(ctx, numbers)
}

// A removal is one call of Remove.
type removal struct {
	*pruner
	bad   map[pack.ID]BadPack
	moved map[chunk.ID]bool
	count int64 // of blobs that were moved
}

// numberOf returns the number of a pack, which it adds if collect hasn't: it doesn't tell what
// it holds, and no delta does, or it isn't there.
func (p *pruner) numberOf(id pack.ID) int {
	n, known := p.numbers[id]
	if !known {
		n = len(p.packs)
		p.packs = append(p.packs, packState{info: &pack.Info{ID: id}})
	}
	return n
}

// salvage stores again the blobs of a damaged pack that can be read.
func (x *removal) salvage(ctx context.Context, id pack.ID, data capture.ChunkWriter) error {
	info, err := x.infoOf(ctx, id)
	if err != nil || info == nil {
		return err
	}
	for _, b := range info.Blobs {
		if x.bad[id].Segments[int(b.Segment)] && x.isElsewhere(b.ID) {
			continue // the segment needn't be tried
		}
		place := index.Place{Pack: info, Segment: b.Segment, Offset: b.Offset, Length: b.Length}
		plain, err := x.e.Blobs.FromPlace(ctx, place, b.ID, info.IsTree())
		if _, damaged := errors.AsType[*pack.DamageError](err); damaged {
			continue
		}
		if err != nil {
			return err
		}
		if x.isElsewhere(b.ID) {
			continue
		}
		x.moved[b.ID] = true
		x.count++
		if err := x.storeAgain(ctx, data, b.ID, info.IsTree(), plain); err != nil {
			return err
		}
	}
	return nil
}

// infoOf returns what a pack holds, or nil if nothing tells that.
func (x *removal) infoOf(ctx context.Context, id pack.ID) (*pack.Info, error) {
	if info := x.bad[id].Info; info != nil {
		return info, nil
	}
	n, known := x.numbers[id]
	if !known {
		return nil, nil
	}
	return x.describe(ctx, x.packs[n].info)
}

// describe reads what a pack holds from the pack, or from a delta if the pack doesn't tell. It
// returns nil if neither does.
func (p *pruner) describe(ctx context.Context, there *pack.Info) (*pack.Info, error) {
	info, err := p.e.Blobs.PackInfo(ctx, there.ID, there.Size)
	if _, damaged := errors.AsType[*pack.DamageError](err); damaged {
		return p.e.Blobs.ListedInfo(ctx, there.ID)
	}
	return info, err
}

// isElsewhere reports whether a blob is also in a pack that is there, not damaged, and not in
// quarantine.
func (x *removal) isElsewhere(id chunk.ID) bool {
	places, _ := x.e.Index.Lookup(id)
	return slices.ContainsFunc(places, func(at index.Place) bool {
		_, damaged := x.bad[at.Pack.ID]
		_, there := x.numbers[at.Pack.ID]
		return there && !damaged && !x.quarantine.Has(at.Pack.ID)
	})
}
