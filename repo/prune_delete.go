package repo

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// pollInterval is how often a prune looks whether those it waits for have ended.
const pollInterval = 2 * time.Second

// delete deletes packs of which nothing seems to be needed. The order of the steps
// is what makes it safe beside writers, readers and others who delete:
//
//   - name the packs in quarantine;
//   - wait for the runs that were alive before: a courtesy;
//   - read the pending manifests, then the published ones;
//   - read the quarantine of all, then which packs there are: a pack may go only if
//     each living blob in it is also in a pack that is there and in no quarantine;
//   - replace the index deltas that list it, delete it, and only then take it out of
//     quarantine.
func (p *pruner) delete(ctx context.Context, numbers []int) error {
	for len(numbers) > 0 {
		waits, err := p.ban(ctx, numbers)
		if err != nil {
			return err
		}
		// On a full disk there may have been space to name only the first.
		if err := p.deleteBanned(ctx, numbers[:len(waits)], waits); err != nil {
			return err
		}
		numbers = numbers[len(waits):]
	}
	return nil
}

// ban puts packs in quarantine, as many as there is space for, and returns the runs
// to wait for.
func (p *pruner) ban(ctx context.Context, numbers []int) (map[int][]seal.Run, error) {
	if err := p.judge.Refresh(ctx); err != nil {
		return nil, err
	}
	waits := map[int][]seal.Run{}
	for i, n := range numbers {
		p.progress("quarantine", i, len(numbers))
		wait, err := p.waits(ctx, p.packs[n].info.ID)
		if err != nil {
			return nil, err
		}
		err = p.e.Store.WithReserve(ctx, func() error { return p.e.Runs.Quarantine(ctx, p.packs[n].info.ID, p.s.Run, wait) })
		if object.IsFull(err) && i > 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		waits[n] = wait
	}
	return waits, nil
}

// deleteBanned deletes packs that are in our quarantine.
func (p *pruner) deleteBanned(ctx context.Context, numbers []int, waits map[int][]seal.Run) error {
	ready, err := p.wait(ctx, numbers, waits)
	if err != nil || len(ready) == 0 {
		return err
	}
	if !p.hasty {
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

// waits returns the runs to wait for before a pack may be deleted: those alive now,
// as far as they were alive when it was first put in quarantine.
func (p *pruner) waits(ctx context.Context, id pack.ID) ([]seal.Run, error) {
	if p.hasty {
		return nil, nil
	}
	wait := p.judge.Waitable()
	for _, other := range p.banned[id] {
		runs, ok, err := p.e.Runs.WaitsFor(ctx, id, other)
		if err != nil {
			return nil, err
		}
		if ok {
			wait = slices.DeleteFunc(wait, func(r seal.Run) bool { return !runs[r] })
		}
	}
	return wait, nil
}

// wait returns the packs whose runs have ended, after at most the time that the
// options say. The others stay in quarantine.
func (p *pruner) wait(ctx context.Context, numbers []int, waits map[int][]seal.Run) (ready []int, err error) {
	patience := p.e.Now().Add(p.o.Wait)
	isAlive := p.judge.IsAlive
	for {
		if err := p.judge.Refresh(ctx); err != nil {
			return nil, err
		}
		ready = nil
		for _, n := range numbers {
			if !slices.ContainsFunc(waits[n], isAlive) {
				ready = append(ready, n)
			}
		}
		if len(ready) == len(numbers) || !p.e.Now().Before(patience) {
			break
		}
		p.progress("waiting for others", len(ready), len(numbers))
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for _, n := range numbers {
		if slices.ContainsFunc(waits[n], isAlive) {
			p.report.WaitingPacks++
			p.report.WaitingBytes += p.packs[n].info.Size
			for _, run := range waits[n] {
				p.reportWaiting(run)
			}
		}
	}
	return ready, nil
}

func (p *pruner) reportWaiting(run seal.Run) {
	l, deadline := p.judge.Alive(run)
	if l == nil {
		return
	}
	w := WaitingRun{l.What, string(l.Hostname), string(l.Username), time.Unix(0, l.Begun), deadline}
	if !slices.Contains(p.report.Waiting, w) {
		p.report.Waiting = append(p.report.Waiting, w)
	}
}

// confirm returns the packs in our quarantine that may go, and takes the others out
// of it again.
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
	var needed []index.Item
	for item, err := range p.e.Index.All() {
		if err != nil {
			return nil, err
		}
		if _, ok := candidates[item.Pack.ID]; ok && p.needs(item) {
			needed = append(needed, item)
		}
	}
	known, err := p.e.Index.Packs()
	if err != nil {
		return nil, err
	}
	rescued := map[int]bool{}
	for id, n := range candidates {
		// The index was refreshed while others replaced the delta that lists the pack: what
		// is in it can't be told now. A repair knows what it has moved.
		rescued[n] = !known[id] && !p.hasty
	}
	for _, item := range needed {
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
	p.banned = quarantine
	return dead, p.release(ctx, slices.DeleteFunc(slices.Clone(numbers), func(n int) bool { return !rescued[n] }))
}

// isHeld reports whether a blob is also in another pack that may be relied on. A
// copy that this run hasn't written itself is read: it may be damaged.
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
		var damage *pack.DamageError
		if err == nil || !errors.As(err, &damage) {
			return err == nil, err
		}
	}
	return false, nil
}

// release takes packs out of our quarantine.
func (p *pruner) release(ctx context.Context, numbers []int) error {
	for _, n := range numbers {
		if err := p.e.Runs.Release(ctx, p.packs[n].info.ID, p.s.Run); err != nil {
			return err
		}
	}
	return nil
}

// wholeDeltasFirst divides packs: first those after which whole deltas can go, for
// which nothing has to be stored, so that it works on a full disk.
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

// remove deletes packs that nobody needs, and all that names them.
func (p *pruner) remove(ctx context.Context, numbers []int) error {
	if len(numbers) == 0 {
		return nil
	}
	gone := map[pack.ID]bool{}
	for _, n := range numbers {
		gone[p.packs[n].info.ID] = true
	}
	var named []index.ID
	for id, packs := range p.deltas {
		if slices.ContainsFunc(packs, func(id pack.ID) bool { return gone[id] }) {
			named = append(named, id)
		}
	}
	slices.SortFunc(named, object.Compare)
	if err := p.replaceDeltas(ctx, named, gone); err != nil {
		return err
	}
	for i, n := range numbers {
		p.progress("deleting", i, len(numbers))
		info := p.packs[n].info
		err := p.e.Store.Delete(ctx, object.Packs.Name(info.ID))
		if until, locked := target.LockedUntil(err); locked { // since it was asked for
			p.hold(info, until)
			if err := p.e.Runs.Release(ctx, info.ID, p.s.Run); err != nil {
				return err
			}
			continue // others may still be about to delete it
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		p.report.Removed++
		p.report.RemovedBytes += info.Size
		// The pack is gone: nobody's quarantine of it is needed any more.
		if err := p.e.Runs.Release(ctx, info.ID, p.s.Run); err != nil {
			return err
		}
		for _, run := range p.banned[info.ID] {
			if err := p.e.Runs.Release(ctx, info.ID, run); err != nil {
				return err
			}
		}
	}
	return nil
}
