package prune

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/pack"
)

// These bound what is repacked before the old packs are deleted, and so takes space twice.
const (
	batchPacks = 256
	batchUsed  = 1 << 30
)

// batches divides the numbers of packs that are to be repacked.
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

// A relocation is a live blob that is stored again in a new pack.
type relocation struct {
	order uint32
	pack  int // number of the old one
	place index.Place
	id    chunk.ID
}

// agedPart is how much of a full pack chunks must fill that only older snapshots reach, so
// that they get packs of their own: they die soon, and the other chunks in their packs would
// have to be repacked once more. Log-structured file systems divide data by its expected
// life in the same way (Rosenblum and Ousterhout, 1992). What it brings is shown by
// TestHourlyPrunesRarelyWriteTheSameAgain.
const agedPart = 8

// firstAged returns where in blobs, sorted by their order, those begin that get packs of
// their own.
func (p *pruner) firstAged(blobs []relocation) int {
	var young, old int64
	first := len(blobs)
	for i, b := range blobs {
		switch {
		case b.place.Pack.IsTree():
		case b.order <= p.newest:
			young += int64(b.place.Length)
		default:
			first = min(first, i)
			old += int64(b.place.Length)
		}
	}
	if least := p.e.Config.PackSize / agedPart; young < least || old < least {
		return len(blobs)
	}
	return first
}

// repack stores the live blobs of packs in new ones, in the order in which the newest
// snapshots reach them, and returns the packs all of whose live blobs were stored.
func (p *pruner) repack(ctx context.Context, batch []int) (done []int, err error) {
	var blobs []relocation
	for _, n := range batch {
		info, err := p.e.Blobs.PackInfo(ctx, p.packs[n].info.ID, p.packs[n].info.Size)
		if _, damaged := errors.AsType[*pack.DamageError](err); damaged {
			p.leaveAlone(n, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		blobs = p.addLive(blobs, n, info)
	}
	slices.SortFunc(blobs, func(a, b relocation) int { return cmp.Compare(a.order, b.order) })
	if err := p.relocateAll(ctx, blobs); err != nil {
		return nil, err
	}
	for _, n := range batch {
		if !p.packs[n].failed {
			done = append(done, n)
			p.report.Repacked++
			p.report.RepackedBytes += p.packs[n].usedSize()
		}
	}
	return done, nil
}

// addLive adds the live blobs that are kept in a pack.
func (p *pruner) addLive(blobs []relocation, n int, info *pack.Info) []relocation {
	for _, b := range info.Blobs {
		mark := p.live.lookup(b.ID, info.IsTree())
		if mark != nil && int(mark.keeper) == n+1 {
			place := index.Place{Pack: info, Segment: b.Segment, Offset: b.Offset, Length: b.Length}
			blobs = append(blobs, relocation{mark.order, n, place, b.ID})
		}
	}
	return blobs
}

// relocateAll stores blobs in new packs, and lists these.
func (p *pruner) relocateAll(ctx context.Context, blobs []relocation) error {
	data, aged := p.s.ChunkWriter(), p.firstAged(blobs)
	for i, b := range blobs {
		if i%1024 == 0 {
			p.progress(PhaseRepack, i, len(blobs))
		}
		if i == aged {
			if err := data.Flush(ctx); err != nil {
				return err
			}
			if err := p.s.CutData(ctx); err != nil {
				return err
			}
		}
		if err := p.relocate(ctx, data, b); err != nil {
			return err
		}
	}
	if err := data.Flush(ctx); err != nil {
		return err
	}
	return p.s.Flush()
}

// relocate stores a blob in a new pack, unless its pack is left alone.
func (p *pruner) relocate(ctx context.Context, data capture.ChunkWriter, b relocation) error {
	if p.packs[b.pack].failed {
		return nil
	}
	tree := b.place.Pack.IsTree()
	plain, err := p.e.Blobs.FromPlace(ctx, b.place, b.id, tree)
	if _, damaged := errors.AsType[*pack.DamageError](err); damaged {
		p.leaveAlone(b.pack, err)
		return nil
	}
	if err != nil {
		return err
	}
	return p.storeAgain(ctx, data, b.id, tree, plain)
}

// storeAgain stores a blob although it is there.
func (p *pruner) storeAgain(ctx context.Context, data capture.ChunkWriter, id chunk.ID, tree bool, plain []byte) (err error) {
	p.s.ForceStore(id)
	if tree {
		_, err = p.s.PutTree(ctx, plain)
	} else {
		_, err = data.Put(ctx, plain)
	}
	return err
}
