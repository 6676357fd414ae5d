package repo

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/pack"
)

// Packs that the target keeps locked can't be deleted, so that nothing is won by
// putting them in quarantine, which only makes writers store again what they hold.
// That is asked first. A pack that is locked and dead is left where it is, until its
// lock has ended. One that is locked and mostly dead is written anew all the same, as
// every snapshot that relies on it would lock it again: when what is needed of it is
// moved it is listed no more, nobody relies on it, and its lock comes to an end.

// choose makes the plan, and asks the target for the locks of the packs that are to
// go.
func (p *pruner) choose(ctx context.Context) (prune.Plan, error) {
	for {
		plan := prune.Choose(p.fates(), prune.Limits{MaxUnused: min(*p.o.MaxUnused, 1e18), MaxRepack: p.o.MaxRepack, PackSize: p.e.Config.PackSize})
		if p.e.Store.Locker() == nil {
			return plan, nil
		}
		found := false
		for _, numbers := range [][]int{plan.Drop, plan.Repack} {
			for i, n := range numbers {
				p.progress("locks", i, len(numbers))
				state := &p.packs[n]
				if !state.until.IsZero() || state.asked {
					continue
				}
				if err := p.askLock(ctx, state); err != nil {
					return plan, err
				}
				found = found || !state.until.IsZero()
			}
		}
		if !found {
			return plan, nil
		}
	}
}

// askLock notes until when a pack is locked, if it is.
func (p *pruner) askLock(ctx context.Context, state *packState) (err error) {
	state.until, err = p.locks.Until(ctx, object.Packs.Name(state.info.ID))
	state.asked = true
	return err
}

// retired reports whether a pack is one that only waits for its lock to end.
func (s *packState) retired() bool { return !s.listed && !s.until.IsZero() }

// hold notes a dead pack that can't be deleted before its lock ends.
func (p *pruner) hold(info *pack.Info, until time.Time) {
	r := &p.report
	r.LockedPacks++
	r.LockedBytes += info.Size
	if r.LockedFirst.IsZero() || until.Before(r.LockedFirst) {
		r.LockedFirst = until
	}
	if until.After(r.LockedLast) {
		r.LockedLast = until
	}
	p.locks.Note(object.Packs.Name(info.ID), until)
}
