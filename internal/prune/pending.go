package prune

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// Pending lists the pending manifests: those of runs that are about to publish, and those
// of runs that are dead.
func Pending(ctx context.Context, e *engine.Engine) (ids []snapshot.ID, err error) {
	for m, err := range e.Store.IDs(ctx, object.Pending) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, m.ID)
	}
	return ids, nil
}

// abandonPending abandons the pending manifests of runs that are dead: a tombstone under the
// final name decides, once, that they won't be published.
func (p *pruner) abandonPending(ctx context.Context) error {
	if p.o.DryRun {
		return nil
	}
	pending, err := Pending(ctx, p.e)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		if err := p.liveness.Refresh(ctx); err != nil { // their leases were stored before them
			return err
		}
	}
	if err := p.checkDrops(ctx, pending); err != nil {
		return err
	}
	for _, id := range pending {
		alive, err := p.isPendingAlive(ctx, object.Pending.Name(id))
		if err != nil {
			return err
		}
		if alive {
			continue
		}
		if may, err := p.mayAbandon(ctx, id); err != nil {
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

// isPendingAlive reports whether the run of a pending manifest may be alive.
func (p *pruner) isPendingAlive(ctx context.Context, name string) (bool, error) {
	header := make([]byte, seal.HeaderSize)
	if err := p.e.Store.ReadRange(ctx, name, 0, header); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil // it was published or removed meanwhile
		}
		return false, err
	}
	h, err := seal.ParseHeader(header)
	if err != nil {
		return p.liveness.Writers() > 0, nil // it doesn't name its run
	}
	return p.liveness.IsAlive(h.Run()), nil
}

// mayAbandon reports whether the pending manifest of a dead run may be abandoned: where a
// tombstone doesn't decide, only if a person has named it.
func (p *pruner) mayAbandon(ctx context.Context, id snapshot.ID) (bool, error) {
	yes, err := p.e.Store.CreatesOnly(ctx)
	if err != nil || yes {
		return yes, err
	}
	if slices.Contains(p.o.DropPending, id) {
		return true, nil
	}
	m, _, err := p.e.Catalog.ReadAs(ctx, object.Pending.Name(id), id)
	if _, damaged := errors.AsType[*object.DamageError](err); damaged {
		return false, nil // markAll reports it
	}
	if err != nil {
		return false, err
	}
	p.report.Stale = append(p.report.Stale, m)
	return false, nil
}

// checkDrops returns an error if a pending manifest that a person has named isn't there, or
// if its run may be alive.
func (p *pruner) checkDrops(ctx context.Context, pending []snapshot.ID) error {
	for _, id := range p.o.DropPending {
		if !slices.Contains(pending, id) {
			return fmt.Errorf("%w: there is no pending manifest %s", catalog.ErrNoSnapshot, id)
		}
		alive, err := p.isPendingAlive(ctx, object.Pending.Name(id))
		if err != nil {
			return err
		}
		if alive {
			return fmt.Errorf("pending manifest %s: its run may be alive: wait until it has ended", id.Short())
		}
	}
	return nil
}
