package prune

import (
	"context"
	"slices"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// pollInterval is how often a prune checks whether the runs that it waits for have ended.
const pollInterval = 2 * time.Second

// quarantineAll puts packs in quarantine, as many as there is space for, and returns for
// each of these the runs to wait for.
func (p *pruner) quarantineAll(ctx context.Context, numbers []int) (map[int][]seal.Run, error) {
	if err := p.liveness.Refresh(ctx); err != nil {
		return nil, err
	}
	waits := map[int][]seal.Run{}
	for i, n := range numbers {
		p.progress(PhaseQuarantine, i, len(numbers))
		wait, err := p.waitSet(ctx, p.packs[n].info.ID)
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

// waitSet returns the runs to wait for before a pack may be deleted: those that are alive
// now, and were already when the pack was first put in quarantine.
func (p *pruner) waitSet(ctx context.Context, id pack.ID) ([]seal.Run, error) {
	if p.noWait {
		return nil, nil
	}
	wait := p.liveness.Waitable()
	for _, other := range p.quarantine[id] {
		runs, ok, err := p.e.Runs.AliveBefore(ctx, id, other)
		if err != nil {
			return nil, err
		}
		if ok {
			wait = slices.DeleteFunc(wait, func(r seal.Run) bool { return !runs[r] })
		}
	}
	return wait, nil
}

// awaitRuns waits for the runs that packs wait for, at most as long as the options say, and
// returns the packs all of whose runs have ended. The others stay in quarantine.
func (p *pruner) awaitRuns(ctx context.Context, numbers []int, waits map[int][]seal.Run) (ready []int, err error) {
	deadline := p.e.Now().Add(p.o.Wait)
	for {
		if err := p.liveness.Refresh(ctx); err != nil {
			return nil, err
		}
		ready = nil
		for _, n := range numbers {
			if !slices.ContainsFunc(waits[n], p.liveness.IsAlive) {
				ready = append(ready, n)
			}
		}
		if len(ready) == len(numbers) || !p.e.Now().Before(deadline) {
			break
		}
		p.progress(PhaseWait, len(ready), len(numbers))
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for _, n := range numbers {
		if slices.ContainsFunc(waits[n], p.liveness.IsAlive) {
			p.report.WaitingPacks++
			p.report.WaitingBytes += p.packs[n].info.Size
			for _, run := range waits[n] {
				p.reportWaiting(run)
			}
		}
	}
	return ready, nil
}

// reportWaiting adds a run to the report, once, if it is alive.
func (p *pruner) reportWaiting(run seal.Run) {
	l, deadline := p.liveness.Alive(run)
	if l == nil {
		return
	}
	w := WaitingRun{l.What, string(l.Hostname), string(l.Username), time.Unix(0, l.Begun), deadline}
	if !slices.Contains(p.report.Waiting, w) {
		p.report.Waiting = append(p.report.Waiting, w)
	}
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
