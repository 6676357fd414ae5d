package repo

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/pack"
)

// What is moved before the old packs are deleted, and so takes space twice.
const (
	batchPacks = 256
	batchUsed  = 1 << 30
)

// batches cuts the numbers of packs that are to be written anew.
func batches(numbers []int, packs []packState) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		var batch []int
		var bytes int64
		for _, n := range numbers {
			batch = append(batch, n)
			if bytes += packs[n].usedSize(); bytes >= batchUsed || len(batch) >= batchPacks {
				if !yield(batch) {
					return
				}
				batch, bytes = nil, 0
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// A moving is a living blob that is moved.
type moving struct {
	order uint32
	pack  int
	place index.Place
	id    chunk.ID
}

// Chunks that only older snapshots reach get packs of their own, if they fill such a
// part of one: they die soon, and what stays would have to be moved once more. To part
// what is moved by how long it is expected to live is the way of log-structured file
// systems (Rosenblum and Ousterhout, 1992). TestHourlyPrunesRarelyWriteTheSameAgain
// shows what it brings.
const agedPart = 8

// aged returns where in blobs, in their order, those begin that get packs of their own.
func (p *pruner) aged(blobs []moving) int {
	var young, old int64
	at := len(blobs)
	for i, b := range blobs {
		switch {
		case b.place.Pack.IsTree():
		case b.order <= p.newest:
			young += int64(b.place.Length)
		default:
			at = min(at, i)
			old += int64(b.place.Length)
		}
	}
	if least := p.e.Config.PackSize / agedPart; young < least || old < least {
		return len(blobs)
	}
	return at
}

// move stores what is kept in packs in new ones, in the order in which the newest
// snapshots reach it, and returns the packs of which all could be moved.
func (p *pruner) move(ctx context.Context, batch []int) (moved []int, err error) {
	var blobs []moving
	for _, n := range batch {
		state := &p.packs[n]
		info, err := p.e.Blobs.PackInfo(ctx, state.info.ID, state.info.Size)
		var damage *pack.DamageError
		if errors.As(err, &damage) {
			p.leave(n, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		blobs = p.movable(blobs, n, info)
	}
	slices.SortFunc(blobs, func(a, b moving) int { return cmp.Compare(a.order, b.order) })
	data, aged := p.s.ChunkWriter(), p.aged(blobs)
	for i, b := range blobs {
		if i%1024 == 0 {
			p.progress("moving what is needed", i, len(blobs))
		}
		if i == aged {
			if err := data.Flush(ctx); err != nil {
				return nil, err
			}
			if err := p.s.CutData(ctx); err != nil {
				return nil, err
			}
		}
		if err := p.moveOne(ctx, data, b); err != nil {
			return nil, err
		}
	}
	if err := data.Flush(ctx); err != nil {
		return nil, err
	}
	if err := p.s.Flush(); err != nil {
		return nil, err
	}
	for _, n := range batch {
		if !p.packs[n].failed {
			moved = append(moved, n)
			p.report.Repacked++
			p.report.RepackedBytes += p.packs[n].usedSize()
		}
	}
	return moved, nil
}

// movable adds the living blobs that are kept in a pack.
func (p *pruner) movable(blobs []moving, n int, info *pack.Info) []moving {
	for _, b := range info.Blobs {
		mark := p.live.Mark(b.ID, info.IsTree())
		if mark != nil && int(mark.Keeper) == n+1 {
			blobs = append(blobs, moving{mark.Order, n, index.Place{Pack: info, Segment: b.Segment, Offset: b.Offset, Length: b.Length}, b.ID})
		}
	}
	return blobs
}

func (p *pruner) moveOne(ctx context.Context, data interface {
	Put(context.Context, []byte) (chunk.ID, error)
}, b moving) error {
	if p.packs[b.pack].failed {
		return nil
	}
	tree := b.place.Pack.IsTree()
	plain, err := p.e.Blobs.FromPlace(ctx, b.place, b.id, tree)
	var damage *pack.DamageError
	if errors.As(err, &damage) {
		p.leave(b.pack, err)
		return nil
	}
	if err != nil {
		return err
	}
	p.s.Repack(b.id)
	if tree {
		_, err = p.s.PutTree(ctx, plain)
	} else {
		_, err = data.Put(ctx, plain)
	}
	return err
}

// leave leaves alone a pack that can't be read.
func (p *pruner) leave(n int, err error) {
	p.packs[n].failed = true
	p.left(err)
}

// left notes why a pack is left alone. One that is gone was deleted by another prune.
func (p *pruner) left(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		p.report.Left = append(p.report.Left, err)
	}
}
