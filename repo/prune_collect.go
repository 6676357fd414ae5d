package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// collect notes which packs there are and what is in them, and then who is alive:
// a lease is there before the packs of its run.
func (p *pruner) collect(ctx context.Context) error {
	p.progress("index", 0, 0)
	if err := p.readDeltas(ctx); err != nil {
		return err
	}
	there, err := p.e.Blobs.Packs(ctx)
	if err != nil {
		return err
	}
	var ids []pack.ID
	for id := range there {
		ids = append(ids, id)
		p.report.Packs++
		p.report.PackBytes += there[id]
	}
	slices.SortFunc(ids, object.Compare)
	listed := map[pack.ID]bool{}
	for _, packs := range p.deltas {
		for _, id := range packs {
			listed[id] = true
		}
	}
	for _, id := range ids {
		p.numbers[id] = len(p.packs)
		p.packs = append(p.packs, packState{listed: listed[id], info: &pack.Info{ID: id, Size: there[id]}})
		if listed[id] {
			continue
		}
		if err := p.askLock(ctx, &p.packs[len(p.packs)-1]); err != nil {
			return err
		}
		info, err := p.e.Blobs.PackInfo(ctx, id, there[id])
		var damage *pack.DamageError
		if errors.As(err, &damage) {
			p.left(err)
			delete(p.numbers, id)
			p.packs = p.packs[:len(p.packs)-1]
			continue
		}
		if err != nil {
			return err
		}
		p.e.Index.Add(info)
	}
	if p.banned, err = p.e.Runs.Quarantined(ctx); err != nil {
		return err
	}
	return p.judge.Refresh(ctx)
}

// readDeltas makes the index from the deltas on the target, and notes which packs
// each lists.
func (p *pruner) readDeltas(ctx context.Context) error {
	var ids []index.ID
	for info, err := range p.e.Store.List(ctx, object.Deltas) {
		if err != nil {
			return err
		}
		if id, err := index.ParseID(object.Deltas.Rest(info.Name)); err == nil {
			ids = append(ids, id)
		}
	}
	return p.e.Index.Update(ctx, ids, func(ctx context.Context, id index.ID) (index.Delta, error) {
		d, epoch, err := p.e.Blobs.ReadDeltaEpoch(ctx, id)
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			p.bad = append(p.bad, id)
			return nil, nil
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil // another prune has replaced it; its packs are read themselves
		case err != nil:
			return nil, err
		}
		packs := make([]pack.ID, len(d))
		for i, info := range d {
			packs[i] = info.ID
		}
		p.deltas[id] = packs
		p.oldKey[id] = epoch < p.e.Ring.Epoch()
		return d, nil
	})
}

// bury gives up the pending manifests of runs that are dead: a tombstone under the
// final name decides, once, that they won't be published.
func (p *pruner) bury(ctx context.Context) error {
	if p.o.DryRun {
		return nil
	}
	var pending []snapshot.ID
	for info, err := range p.e.Store.List(ctx, object.Pending) {
		if err != nil {
			return err
		}
		if id, err := snapshot.ParseID(object.Pending.Rest(info.Name)); err == nil {
			pending = append(pending, id)
		}
	}
	if len(pending) > 0 {
		if err := p.judge.Refresh(ctx); err != nil { // whose lease was there before it
			return err
		}
	}
	if err := p.checkDrops(ctx, pending); err != nil {
		return err
	}
	for _, id := range pending {
		alive, err := p.pendingAlive(ctx, object.Pending.Name(id))
		if err != nil {
			return err
		}
		if alive {
			continue
		}
		if may, err := p.mayBury(ctx, id); err != nil {
			return err
		} else if !may {
			continue
		}
		if err := p.e.Catalog.PutTombstone(ctx, id); err != nil {
			return err
		}
		if err := p.e.Catalog.RemovePending(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// pendingAlive reports whether the run of a pending manifest may be alive.
func (p *pruner) pendingAlive(ctx context.Context, name string) (bool, error) {
	header := make([]byte, seal.HeaderSize)
	if err := p.e.Store.ReadRange(ctx, name, 0, header); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil // it has ended meanwhile
		}
		return false, err
	}
	h, err := seal.ParseHeader(header)
	if err != nil {
		return p.judge.Writers() > 0, nil // it doesn't say whose it is
	}
	return p.judge.IsAlive(h.Run()), nil
}

// markAll marks as living what is reached by any manifest, pending ones first: one
// that is published meanwhile is met as the one or the other.
func (p *pruner) markAll(ctx context.Context) error {
	var manifests []*snapshot.Manifest
	for _, kind := range []object.Kind{object.Pending, object.Snapshots} {
		for info, err := range p.e.Store.List(ctx, kind) {
			if err != nil {
				return err
			}
			id, err := snapshot.ParseID(kind.Rest(info.Name))
			if err != nil || p.walked[id] || slices.Contains(p.o.Without, id) {
				continue
			}
			m, _, err := p.e.Catalog.ReadAs(ctx, info.Name, id)
			if errors.Is(err, fs.ErrNotExist) {
				continue // forgotten, or a tombstone
			}
			if damage := (*DamageError)(nil); errors.As(err, &damage) {
				return unreadable(info.Name, damage.Err)
			}
			if errors.Is(err, ErrNewerKey) {
				return fmt.Errorf("%w: %w", ErrUnreadable, err)
			}
			if err != nil {
				return err
			}
			p.walked[id] = true
			manifests = append(manifests, m)
		}
	}
	first := p.newestFirst(manifests)
	p.report.Snapshots += len(manifests)
	for i, m := range manifests {
		p.progress("snapshots", i, len(manifests))
		if err := p.mark(ctx, m); err != nil {
			return err
		}
		if i == first-1 && p.newest == 0 {
			p.newest = uint32(p.live.Len())
		}
	}
	return nil
}

// newestFirst sorts snapshots, the newest first, so that what it reaches is kept in its
// order; but the newest ones of a host and its paths come before all others, and
// newestFirst returns how many they are.
func (p *pruner) newestFirst(manifests []*snapshot.Manifest) (newest int) {
	p.e.Catalog.Sort(manifests)
	slices.Reverse(manifests)
	later := map[*snapshot.Manifest]int{}
	groups := (snapshot.Grouping{}).Group(manifests)
	for _, g := range groups {
		for _, m := range g.Snapshots[1:] {
			later[m] = 1
		}
	}
	slices.SortStableFunc(manifests, func(a, b *snapshot.Manifest) int { return later[a] - later[b] })
	return len(groups)
}

func (p *pruner) mark(ctx context.Context, m *snapshot.Manifest) error {
	err := snapshot.ReachAll(ctx, p.e.Blobs, m, func(id chunk.ID, tree bool) (bool, error) {
		return p.live.Add(id, tree), ctx.Err()
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	err = unreadable("snapshot "+m.ID.Short(), err)
	for _, name := range []string{object.Pending.Name(m.ID), object.Snapshots.Name(m.ID)} {
		if _, e := p.e.Store.Stat(ctx, name); !errors.Is(e, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errVanished, err)
}

// account finds for each living blob the pack it is kept in, and so what of each
// pack is needed.
func (p *pruner) account(ctx context.Context) error {
	for item, err := range p.e.Index.All() {
		if err != nil {
			return err
		}
		number, ok := p.numbers[item.Pack.ID]
		if !ok {
			continue // listed, and not there
		}
		state := &p.packs[number]
		state.info = item.Pack
		mark := p.live.Mark(item.ID, item.Pack.IsTree())
		if mark != nil && (mark.Keeper == 0 || p.better(number, int(mark.Keeper)-1)) {
			mark.Keeper = uint32(number + 1)
		}
	}
	for item, err := range p.e.Index.All() {
		if err != nil {
			return err
		}
		number, ok := p.numbers[item.Pack.ID]
		if !ok {
			if mark := p.live.Mark(item.ID, item.Pack.IsTree()); mark != nil && mark.Keeper == 0 {
				p.missing[item.Pack.ID] = true
			}
			continue
		}
		state := &p.packs[number]
		state.plain += int64(item.Length)
		if mark := p.live.Mark(item.ID, item.Pack.IsTree()); mark != nil && int(mark.Keeper) == number+1 {
			state.used += int64(item.Length)
		}
	}
	return ctx.Err()
}

// better reports whether a blob is rather kept in pack a than in pack b: not in
// quarantine, not in one that waits for its end, and else in an order that all agree
// on.
func (p *pruner) better(a, b int) bool {
	doomed := func(n int) int {
		switch {
		case p.banned.Has(p.packs[n].info.ID):
			return 2
		case p.packs[n].retired():
			return 1
		}
		return 0
	}
	return cmp.Or(doomed(a)-doomed(b), a-b) < 0
}
