package prune

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"math/bits"
	"slices"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
)

// mergedDeltas is how many index deltas of about the same size there are before they are
// merged: a process without a cache reads them one by one.
const mergedDeltas = 8

// replaceDeltas replaces deltas by new ones that list the same packs, except those that are
// gone. The new ones are stored first.
func (p *pruner) replaceDeltas(ctx context.Context, old []index.ID, gone map[pack.ID]bool) error {
	var next index.Delta
	seen := map[pack.ID]bool{}
	blobs := 0
	for _, id := range old {
		d, err := p.e.Blobs.ReadDelta(ctx, id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another prune has replaced it
		}
		if err != nil {
			return err
		}
		for _, info := range d {
			if gone[info.ID] || seen[info.ID] {
				continue
			}
			seen[info.ID] = true
			next = append(next, info)
			if blobs += len(info.Blobs); blobs >= blob.MaxDeltaBlobs {
				if err := p.storeDelta(ctx, next); err != nil {
					return err
				}
				next, blobs = nil, 0
			}
		}
	}
	if err := p.storeDelta(ctx, next); err != nil {
		return err
	}
	for _, id := range old {
		if err := p.e.Store.Remove(ctx, object.Deltas.Name(id)); err != nil {
			return err
		}
		delete(p.deltas, id)
	}
	return nil
}

// storeDelta stores a delta, unless it lists nothing, and notes what it lists.
func (p *pruner) storeDelta(ctx context.Context, d index.Delta) error {
	if len(d) == 0 {
		return nil
	}
	id, _, err := p.e.Blobs.PutDelta(ctx, d)
	if err != nil {
		return err
	}
	packs := make([]pack.ID, len(d))
	for i, info := range d {
		packs[i] = info.ID
	}
	p.deltas[id] = packs
	return nil
}

// mergeDeltas merges small deltas, replaces those that are sealed with an older key or list
// packs that are gone, and removes those that can't be read after listing their packs.
func (p *pruner) mergeDeltas(ctx context.Context) error {
	there, err := p.e.Blobs.Packs(ctx)
	if err != nil {
		return err
	}
	// Packs that are missing and needed stay listed, so that a repair can report the loss.
	gone := map[pack.ID]bool{}
	for _, packs := range p.deltas {
		for _, id := range packs {
			if _, ok := there[id]; !ok && !p.missing[id] {
				gone[id] = true
			}
		}
	}
	groups := map[int][]index.ID{} // by size
	var old []index.ID
	for d, err := range p.e.Store.IDs(ctx, object.Deltas) {
		if err != nil {
			return err
		}
		id := index.ID(d.ID)
		if p.deltas[id] == nil {
			continue // a writer has stored it since
		}
		if p.oldKey[id] || slices.ContainsFunc(p.deltas[id], func(id pack.ID) bool { return gone[id] }) {
			old = append(old, id)
		} else {
			group := bits.Len64(uint64(d.Size)) / 2
			groups[group] = append(groups[group], id)
		}
	}
	for _, size := range slices.Sorted(maps.Keys(groups)) {
		if len(groups[size]) >= mergedDeltas {
			old = append(old, groups[size]...)
		}
	}
	if err := p.replaceDeltas(ctx, old, gone); err != nil {
		return err
	}
	return p.listUnlisted(ctx, there)
}

// listUnlisted stores a delta of the packs that stay and that no delta lists: those of runs
// that were interrupted, and those of deltas that can't be read, which it removes then. It
// leaves out packs of runs that are alive, and retired packs, on which nobody must rely.
func (p *pruner) listUnlisted(ctx context.Context, there map[pack.ID]int64) error {
	var d index.Delta
	for i := range p.packs {
		s := &p.packs[i]
		size, ok := there[s.info.ID]
		run := s.info.Header.Run()
		if !ok || s.listed || p.liveness.IsAlive(run) || s.retired() && s.used == 0 && !p.liveness.Protects(run) {
			continue
		}
		info, err := p.e.Blobs.PackInfo(ctx, s.info.ID, size)
		if _, damaged := errors.AsType[*pack.DamageError](err); damaged {
			continue
		}
		if err != nil {
			return err
		}
		d = append(d, info)
	}
	if len(d) > 0 {
		if _, _, err := p.e.Blobs.PutDelta(ctx, d); err != nil {
			return err
		}
	}
	for _, id := range p.badDeltas {
		if err := p.e.Store.Remove(ctx, object.Deltas.Name(id)); err != nil {
			return err
		}
	}
	return nil
}

// wholeDeltasFirst divides packs that are about to be deleted: first those all of whose
// deltas list no other packs. For these nothing has to be stored, so that they can be
// deleted on a full disk.
func (p *pruner) wholeDeltasFirst(numbers []int) [][]int {
	doomed := map[pack.ID]bool{}
	for _, n := range numbers {
		doomed[p.packs[n].info.ID] = true
	}
	mixed := map[pack.ID]bool{}
	for _, packs := range p.deltas {
		if slices.ContainsFunc(packs, func(id pack.ID) bool { return !doomed[id] }) {
			for _, id := range packs {
				mixed[id] = true
			}
		}
	}
	var whole, rest []int
	for _, n := range numbers {
		if mixed[p.packs[n].info.ID] {
			rest = append(rest, n)
		} else {
			whole = append(whole, n)
		}
	}
	return [][]int{whole, rest}
}
