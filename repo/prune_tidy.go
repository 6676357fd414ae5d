package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
)

// tidy removes what the dead have left: their leases, quarantine of packs that are
// gone, records of what was forgotten and can't come back, and marks of these.
func (p *pruner) tidy(ctx context.Context) error {
	if err := p.e.Store.KeepReserve(ctx, p.e.Sealer, p.e.Rand); err != nil {
		return err
	}
	for _, l := range p.judge.Dead() {
		if p.judge.IsKept(l.Run) {
			continue
		}
		if err := p.discard(ctx, l.Name); err != nil {
			return err
		}
	}
	if err := p.e.Runs.RemoveReplaced(ctx); err != nil {
		return err
	}
	quarantine, err := p.e.Runs.Quarantined(ctx)
	if err != nil {
		return err
	}
	if len(quarantine) > 0 {
		there, err := p.e.Blobs.Packs(ctx)
		if err != nil {
			return err
		}
		for _, id := range slices.SortedFunc(maps.Keys(quarantine), object.Compare) {
			runs := quarantine[id]
			if _, ok := there[id]; ok {
				continue
			}
			for _, run := range runs {
				if err := p.e.Runs.Release(ctx, id, run); err != nil {
					return err
				}
			}
		}
	}
	if p.report.WaitingPacks > 0 {
		return nil // what was forgotten can still come back
	}
	return p.forgetForgotten(ctx)
}

// discard removes an object that may be gone.
func (p *pruner) discard(ctx context.Context, name string) error {
	if err := p.e.Store.Remove(ctx, name); err != nil {
		return err
	}
	return nil
}

// forgetForgotten removes the records of forgotten snapshots, but for those that
// standing ones follow: check tells by them that these aren't lost. The marks of
// snapshots that are neither go with them.
func (p *pruner) forgetForgotten(ctx context.Context) error {
	if err := p.judge.Refresh(ctx); err != nil {
		return err
	}
	if p.judge.Writers() > 0 {
		return nil // one of them may be about to publish what follows a forgotten one
	}
	all, err := p.e.Catalog.List(ctx)
	if err != nil {
		return err
	}
	needed := map[snapshot.ID]bool{}
	for _, l := range all {
		m, err := p.e.Catalog.Manifest(ctx, l)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		needed[l.ID] = true
		needed[m.Previous] = true
	}
	for _, kind := range []object.Kind{object.Forgotten, object.Marks} {
		for info, err := range p.e.Store.List(ctx, kind) {
			if err != nil {
				return err
			}
			name, _, _ := strings.Cut(kind.Rest(info.Name), "-")
			id, err := snapshot.ParseID(name)
			if err != nil || needed[id] {
				continue
			}
			if err := p.discard(ctx, info.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayBury reports whether the pending manifest of a dead run may be given up: where a
// tombstone doesn't decide, only if a person has said so.
func (p *pruner) mayBury(ctx context.Context, id snapshot.ID) (bool, error) {
	yes, err := p.e.Store.CreatesOnly(ctx)
	if err != nil || yes {
		return yes, err
	}
	for _, prefix := range p.o.DropPending {
		if prefix != "" && strings.HasPrefix(id.String(), prefix) {
			return true, nil
		}
	}
	m, _, err := p.e.Catalog.ReadAs(ctx, object.Pending.Name(id), id)
	if _, ok := errors.AsType[*DamageError](err); ok {
		return false, nil // which is told when it is read for what it reaches
	}
	if err != nil {
		return false, err
	}
	p.report.Stale = append(p.report.Stale, m)
	return false, nil
}

// checkDrops returns an error if a pending manifest that is to be dropped isn't there,
// or if its run may be alive.
func (p *pruner) checkDrops(ctx context.Context, pending []snapshot.ID) error {
	for _, prefix := range p.o.DropPending {
		found := false
		for _, id := range pending {
			if prefix == "" || !strings.HasPrefix(id.String(), prefix) {
				continue
			}
			found = true
			alive, err := p.pendingAlive(ctx, object.Pending.Name(id))
			if err != nil {
				return err
			}
			if alive {
				return fmt.Errorf("pending manifest %s: its run may be alive", id.Short())
			}
		}
		if !found {
			return fmt.Errorf("%w: %q is not the beginning of a pending manifest's id", ErrNoSnapshot, prefix)
		}
	}
	return nil
}
