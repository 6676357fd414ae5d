package prune

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// delete deletes packs, by their numbers, that seem to be dead. The order of the steps makes
// that safe beside writers, readers and other pruners:
//
//   - put the packs in quarantine;
//   - wait for the runs that were alive before, as a courtesy;
//   - read the pending manifests, then the published ones;
//   - list the quarantine of all pruners, then which packs there are: a pack may be deleted
//     only if each live blob in it is also in a pack that is there and in no quarantine;
//   - replace the index deltas that list it, delete it, and only then take it out of
//     quarantine.
func (p *pruner) delete(ctx context.Context, numbers []int) error {
	for len(numbers) > 0 {
		waits, err := p.quarantineAll(ctx, numbers)
		if err != nil {
			return err
		}
		// On a full disk there may have been space to put only the first in quarantine.
		if err := p.deleteQuarantined(ctx, numbers[:len(waits)], waits); err != nil {
			return err
		}
		numbers = numbers[len(waits):]
	}
	return nil
}

// deleteQuarantined deletes packs that are in our quarantine.
func (p *pruner) deleteQuarantined(ctx context.Context, numbers []int, waits map[int][]seal.Run) error {
	ready, err := p.awaitRuns(ctx, numbers, waits)
	if err != nil || len(ready) == 0 {
		return err
	}
	if !p.isMarked {
		if err := p.markAll(ctx); err != nil {
			return object.Join(err, p.release(ctx, numbers))
		}
	}
	dead, err := p.confirm(ctx, ready)
	if err != nil {
		return err
	}
	for _, group := range p.wholeDeltasFirst(dead) {
		if err := p.remove(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// confirm returns the packs in our quarantine that may be deleted, and takes the others out
// of it.
func (p *pruner) confirm(ctx context.Context, numbers []int) (dead []int, err error) {
	quarantine, err := p.e.Runs.Quarantined(ctx) // of all, before the packs
	if err != nil {
		return nil, err
	}
	there, err := p.e.Blobs.Packs(ctx)
	if err != nil {
		return nil, err
	}
	candidates := map[pack.ID]int{}
	for _, n := range numbers {
		candidates[p.packs[n].info.ID] = n
	}
	kept, err := p.keptBlobs(candidates)
	if err != nil {
		return nil, err
	}
	known, err := p.e.Index.Packs()
	if err != nil {
		return nil, err
	}
	rescued := map[int]bool{}
	for id, n := range candidates {
		// The index was refreshed while another pruner replaced the delta that lists the pack:
		// it isn't known now what the pack holds. Remove knows what it has moved.
		rescued[n] = !known[id] && !p.isMarked
	}
	for _, item := range kept {
		held, err := p.isHeld(ctx, item, func(id pack.ID) bool {
			_, ok := there[id]
			return ok && !quarantine.Has(id)
		})
		if err != nil {
			return nil, err
		}
		if !held {
			rescued[candidates[item.Pack.ID]] = true
		}
	}
	for _, n := range numbers {
		if !rescued[n] {
			dead = append(dead, n)
		}
	}
	p.quarantine = quarantine
	return dead, p.release(ctx, slices.DeleteFunc(slices.Clone(numbers), func(n int) bool { return !rescued[n] }))
}

// keptBlobs returns the blobs in packs that may not be deleted with these.
func (p *pruner) keptBlobs(packs map[pack.ID]int) (kept []index.Item, err error) {
	for item, err := range p.e.Index.All() {
		if err != nil {
			return nil, err
		}
		if _, ok := packs[item.Pack.ID]; ok && p.mustKeep(item) {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// isHeld reports whether a blob is also in another pack that is reliable. A copy that this
// run hasn't stored itself is read, as it may be damaged.
func (p *pruner) isHeld(ctx context.Context, item index.Item, reliable func(pack.ID) bool) (bool, error) {
	places, err := p.e.Index.Lookup(item.ID)
	if err != nil {
		return false, err
	}
	for _, place := range places {
		if place.Pack.ID == item.Pack.ID || !reliable(place.Pack.ID) {
			continue
		}
		if place.Pack.Header.Run() == p.s.Run {
			return true, nil
		}
		_, err := p.e.Blobs.FromPlace(ctx, place, item.ID, item.Pack.IsTree())
		if _, damaged := errors.AsType[*pack.DamageError](err); !damaged {
			return err == nil, err
		}
	}
	return false, nil
}

// remove deletes packs that nobody needs, and all that names them.
func (p *pruner) remove(ctx context.Context, numbers []int) error {
	if len(numbers) == 0 {
		return nil
	}
	gone := map[pack.ID]bool{}
	for _, n := range numbers {
		gone[p.packs[n].info.ID] = true
	}
	var old []index.ID
	for id, packs := range p.deltas {
		if slices.ContainsFunc(packs, func(id pack.ID) bool { return gone[id] }) {
			old = append(old, id)
		}
	}
	slices.SortFunc(old, object.Compare)
	if err := p.replaceDeltas(ctx, old, gone); err != nil {
		return err
	}
	for i, n := range numbers {
		p.progress(PhaseDelete, i, len(numbers))
		if err := p.removePack(ctx, p.packs[n].info); err != nil {
			return err
		}
	}
	return nil
}

// removePack deletes a pack that no delta lists any more, and takes it out of quarantine.
func (p *pruner) removePack(ctx context.Context, info *pack.Info) error {
	err := p.e.Store.Delete(ctx, object.Packs.Name(info.ID))
	if until, locked := target.LockedUntil(err); locked { // since the target was asked
		p.noteLocked(info, until)
		return p.e.Runs.Release(ctx, info.ID, p.s.Run) // ours only: others may still be about to delete it
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	p.report.Removed++
	p.report.RemovedBytes += info.Size
	// The pack is gone, so no quarantine of it is needed any more.
	if err := p.e.Runs.Release(ctx, info.ID, p.s.Run); err != nil {
		return err
	}
	for _, run := range p.quarantine[info.ID] {
		if err := p.e.Runs.Release(ctx, info.ID, run); err != nil {
			return err
		}
	}
	return nil
}
