package prune

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
)

// collect notes which packs there are and what they hold, and after that which runs are
// alive: the lease of a run is stored before its packs.
func (p *pruner) collect(ctx context.Context) error {
	p.progress(PhaseIndex, 0, 0)
	if err := p.readDeltas(ctx); err != nil {
		return err
	}
	there, err := p.e.Blobs.Packs(ctx)
	if err != nil {
		return err
	}
	listed := map[pack.ID]bool{}
	for _, packs := range p.deltas {
		for _, id := range packs {
			listed[id] = true
		}
	}
	var ids []pack.ID
	for id := range there {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, object.Compare)
	for _, id := range ids {
		p.report.Packs++
		p.report.PackBytes += there[id]
		if err := p.addPack(ctx, packState{listed: listed[id], info: &pack.Info{ID: id, Size: there[id]}}); err != nil {
			return err
		}
	}
	if p.quarantine, err = p.e.Runs.Quarantined(ctx); err != nil {
		return err
	}
	return p.liveness.Refresh(ctx)
}

// addPack adds a pack that is there. Packs that no delta lists tell the index themselves
// what they hold; those that can't are left alone.
func (p *pruner) addPack(ctx context.Context, s packState) error {
	if !s.listed {
		if err := p.askLock(ctx, &s); err != nil {
			return err
		}
		info, err := p.e.Blobs.PackInfo(ctx, s.info.ID, s.info.Size)
		if _, damaged := errors.AsType[*pack.DamageError](err); damaged {
			p.noteLeft(err)
			return nil
		}
		if err != nil {
			return err
		}
		p.e.Index.Add(info)
	}
	p.numbers[s.info.ID] = len(p.packs)
	p.packs = append(p.packs, s)
	return nil
}

// readDeltas makes the index from the deltas on the target, and notes which packs
// each lists.
func (p *pruner) readDeltas(ctx context.Context) error {
	var ids []index.ID
	for d, err := range p.e.Store.IDs(ctx, object.Deltas) {
		if err != nil {
			return err
		}
		ids = append(ids, d.ID)
	}
	return p.e.Index.Update(ctx, ids, func(ctx context.Context, id index.ID) (index.Delta, error) {
		d, epoch, err := p.e.Blobs.ReadDeltaEpoch(ctx, id)
		switch {
		case object.IsDamage(err):
			p.badDeltas = append(p.badDeltas, id)
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

// account finds for each live blob the pack that it is kept in, and from that how much of
// each pack is used.
func (p *pruner) account(ctx context.Context) error {
	for item, err := range p.e.Index.All() {
		if err != nil {
			return err
		}
		number, ok := p.numbers[item.Pack.ID]
		if !ok {
			continue // listed, and not there
		}
		p.packs[number].info = item.Pack
		mark := p.live.lookup(item.ID, item.Pack.IsTree())
		if mark != nil && (mark.keeper == 0 || p.keepsRather(number, int(mark.keeper)-1)) {
			mark.keeper = uint32(number + 1)
		}
	}
	for item, err := range p.e.Index.All() {
		if err != nil {
			return err
		}
		mark := p.live.lookup(item.ID, item.Pack.IsTree())
		number, ok := p.numbers[item.Pack.ID]
		if !ok {
			if mark != nil && mark.keeper == 0 {
				p.missing[item.Pack.ID] = true
			}
			continue
		}
		state := &p.packs[number]
		state.plain += int64(item.Length)
		if mark != nil && int(mark.keeper) == number+1 {
			state.used += int64(item.Length)
		}
	}
	return ctx.Err()
}

// keepsRather reports whether a blob is kept in pack a rather than in pack b: in one that is
// not damaged, nor in quarantine, nor retired, and else in an order on which all pruners agree.
func (p *pruner) keepsRather(a, b int) bool {
	doom := func(n int) int {
		switch {
		case p.damaged[p.packs[n].info.ID]:
			return 3
		case p.quarantine.Has(p.packs[n].info.ID):
			return 2
		case p.packs[n].retired():
			return 1
		}
		return 0
	}
	return cmp.Or(doom(a)-doom(b), a-b) < 0
}

// leaveAlone leaves alone a pack that can't be read.
func (p *pruner) leaveAlone(n int, err error) {
	p.packs[n].failed = true
	p.noteLeft(err)
}

// noteLeft reports why a pack is left alone. One that is gone was deleted by another prune.
func (p *pruner) noteLeft(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		p.report.Left = append(p.report.Left, err)
	}
}
