package repo

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

// deltasTogether is how many index deltas of about the same size come together until
// they are made one: whoever opens the repository anew reads them one by one.
const deltasTogether = 8

// replaceDeltas replaces deltas by ones that list the same packs but for those that
// are gone. The new ones are stored first.
func (p *pruner) replaceDeltas(ctx context.Context, old []index.ID, gone map[pack.ID]bool) error {
	var next index.Delta
	seen := map[pack.ID]bool{}
	blobs := 0
	store := func() error {
		if len(next) == 0 {
			return nil
		}
		id, _, err := p.e.Blobs.PutDelta(ctx, next)
		if err != nil {
			return err
		}
		packs := make([]pack.ID, len(next))
		for i, info := range next {
			packs[i] = info.ID
		}
		p.deltas[id] = packs
		next, blobs = nil, 0
		return nil
	}
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
				if err := store(); err != nil {
					return err
				}
			}
		}
	}
	if err := store(); err != nil {
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

// gatherDeltas makes one of many small deltas, drops those that can't be read,
// whose packs are listed anew, and lists no more what isn't there. What is sealed
// with an older key is sealed with the newest.
func (p *pruner) gatherDeltas(ctx context.Context) error {
	there, err := p.e.Blobs.Packs(ctx)
	if err != nil {
		return err
	}
	// What is missing and needed stays listed: it is for repair to say that it is lost.
	gone := map[pack.ID]bool{}
	for _, packs := range p.deltas {
		for _, id := range packs {
			if _, ok := there[id]; !ok && !p.missing[id] {
				gone[id] = true
			}
		}
	}
	groups := map[int][]index.ID{}
	var old []index.ID
	for info, err := range p.e.Store.List(ctx, object.Deltas) {
		if err != nil {
			return err
		}
		id, err := index.ParseID(object.Deltas.Rest(info.Name))
		if err != nil || p.deltas[id] == nil {
			continue // of a writer, since we have read them
		}
		if p.oldKey[id] || slices.ContainsFunc(p.deltas[id], func(id pack.ID) bool { return gone[id] }) {
			old = append(old, id)
		} else {
			group := bits.Len64(uint64(info.Size)) / 2
			groups[group] = append(groups[group], id)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(groups)) {
		group := groups[n]
		if len(group) >= deltasTogether {
			old = append(old, group...)
		}
	}
	if err := p.replaceDeltas(ctx, old, gone); err != nil {
		return err
	}
	return p.listUnlisted(ctx, there)
}

// listUnlisted lists the packs that no delta does, which stay: those of runs that
// were interrupted, and those of deltas that can't be read, which then go. Not those
// that only wait for their locks to end: nobody is to rely on them.
func (p *pruner) listUnlisted(ctx context.Context, there map[pack.ID]int64) error {
	var d index.Delta
	for i := range p.packs {
		state := &p.packs[i]
		size, ok := there[state.info.ID]
		run := state.info.Header.Run()
		if !ok || state.listed || p.judge.IsAlive(run) || state.retired() && state.used == 0 && !p.judge.Protects(run) {
			continue
		}
		info, err := p.e.Blobs.PackInfo(ctx, state.info.ID, size)
		var damage *pack.DamageError
		if errors.As(err, &damage) {
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
	for _, id := range p.bad {
		if err := p.e.Store.Remove(ctx, object.Deltas.Name(id)); err != nil {
			return err
		}
	}
	return nil
}
