package prune

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
)

// choose makes the plan, and asks the target for the locks of the packs that the plan would
// delete, until it knows all of them.
func (p *pruner) choose(ctx context.Context) (plan, error) {
	most := limits{maxUnused: min(*p.o.MaxUnused, 1e18), maxRepack: p.o.MaxRepack, packSize: p.e.Config.PackSize}
	for {
		chosen := choosePlan(p.candidates(), most)
		if p.e.Store.Locker() == nil {
			return chosen, nil
		}
		found := false
		for _, numbers := range [][]int{chosen.drop, chosen.repack} {
			for i, n := range numbers {
				p.progress(PhaseLocks, i, len(numbers))
				s := &p.packs[n]
				if !s.until.IsZero() || s.asked {
					continue
				}
				if err := p.askLock(ctx, s); err != nil {
					return chosen, err
				}
				found = found || !s.until.IsZero()
			}
		}
		if !found {
			return chosen, nil
		}
	}
}

// askLock asks the target until when a pack is locked.
func (p *pruner) askLock(ctx context.Context, s *packState) (err error) {
	s.until, err = p.locks.Until(ctx, object.Packs.Name(s.info.ID))
	s.asked = true
	return err
}

// retired reports whether a pack only waits for its lock to end: it was repacked.
func (s *packState) retired() bool { return !s.listed && !s.until.IsZero() }

// noteLocked reports a dead pack that can't be deleted before its lock ends.
func (p *pruner) noteLocked(info *pack.Info, until time.Time) {
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
