package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// ErrReplaces means that of several who store one name at once on the target more
// than one may succeed. Snapshots are as safe there as elsewhere: their objects are
// named by the hash of their bytes. But nothing decides between a run that publishes
// and a prune that gives it up, so prune keeps what an interrupted one left pending
// until a person drops it (PruneOptions.DropPending). And of two who change what is
// said of a snapshot, or rotate the key, at the same moment, one may undo the other.
var ErrReplaces = errors.New("the target can't keep two apart who store one name at once")

// exclusive is what a Repo, and those it makes of itself, know of create-only.
type exclusive struct {
	mu         sync.Mutex
	known, yes bool
}

// createsOnly reports whether create-only Put can be relied on. The first time it
// asks the target, and tells the user if not.
func (r *Repo) createsOnly(ctx context.Context) (bool, error) {
	e := r.exclusive
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known {
		return e.yes, nil
	}
	yes, err := target.CreateOnly(ctx, r.target)
	if err != nil {
		return false, err
	}
	e.known, e.yes = true, yes
	if !yes && r.opts.Notice != nil {
		r.opts.Notice(ErrReplaces)
	}
	return yes, nil
}

// mayBury reports whether the pending manifest of a dead run may be given up: where a
// tombstone doesn't decide, only if a person has said so.
func (p *pruner) mayBury(ctx context.Context, id snapshot.ID) (bool, error) {
	yes, err := p.r.createsOnly(ctx)
	if err != nil || yes {
		return yes, err
	}
	for _, prefix := range p.o.DropPending {
		if prefix != "" && strings.HasPrefix(id.String(), prefix) {
			return true, nil
		}
	}
	m, _, err := p.r.readManifestAs(ctx, pendingName(id), id)
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
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
			alive, err := p.pendingAlive(ctx, pendingName(id))
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
