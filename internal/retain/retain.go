package retain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// Options say which snapshots are kept.
type Options struct {
	Policy     retention.Policy
	Filter     catalog.Filter     // the policy applies to the snapshots that it selects
	Group      retention.Grouping // and to each group of these by itself
	AllowEmpty bool               // else forgetting all snapshots of a group is ErrNoneKept
	DryRun     bool               // decide only
}

// ErrNoneKept means that a policy would forget every snapshot of a group.
var ErrNoneKept = errors.New("the policy would keep no snapshot")

// A Group is what a policy has decided on a group of snapshots.
type Group struct {
	retention.Group
	Decisions []retention.Decision // the newest first
	Locked    int                  // snapshots that are kept only because the target has locked them
}

// Apply forgets the snapshots that a policy doesn't keep, and returns what was decided.
func Apply(ctx context.Context, e *engine.Engine, o Options) ([]Group, error) {
	if err := o.Policy.Validate(); err != nil {
		return nil, err
	}
	if o.Policy.IsZero() {
		return nil, errors.New("the policy has no rule: say what to keep")
	}
	all, err := e.Catalog.Snapshots(ctx, o.Filter)
	if err != nil {
		return nil, err
	}
	var out []Group
	var drop []snapshot.ID
	var noneKept error
	for _, group := range o.Group.Group(all) {
		decisions := o.Policy.Decide(group.Snapshots, e.Now())
		if retention.NoneKept(decisions) && !o.AllowEmpty {
			noneKept = errors.Join(noneKept, fmt.Errorf("%w of %s", ErrNoneKept, describe(group)))
		}
		locked, err := keepLocked(ctx, e, decisions)
		if err != nil {
			return nil, err
		}
		out = append(out, Group{group, decisions, locked})
		for _, d := range decisions {
			if !d.Keep {
				drop = append(drop, d.Manifest.ID)
			}
		}
	}
	if noneKept != nil || o.DryRun {
		return out, noneKept
	}
	_, err = e.Catalog.ForgetAll(ctx, drop)
	return out, err
}

// keepLocked decides to keep the snapshots that the target has locked, and returns how many it
// has changed.
func keepLocked(ctx context.Context, e *engine.Engine, decisions []retention.Decision) (n int, err error) {
	if e.Store.Locker() == nil {
		return 0, nil
	}
	locks := e.Store.Locks(e.Now)
	defer func() { locks.Save() }()
	for i := range decisions {
		d := &decisions[i]
		if d.Keep {
			continue
		}
		until, err := locks.Until(ctx, object.Snapshots.Name(d.Manifest.ID))
		if err != nil {
			return 0, err
		}
		if !until.IsZero() {
			d.Keep, d.Reasons = true, []string{object.LockedError(until).Error()}
			n++
		}
	}
	return n, nil
}

// describe returns what the snapshots of a group have in common, as text.
func describe(g retention.Group) string {
	var profile []string
	if g.Profile != "" {
		profile = []string{"profile " + g.Profile}
	}
	if g.Hostname == "" && len(g.Paths) == 0 && len(g.Tags) == 0 && profile == nil {
		return "those there are"
	}
	return strings.TrimSpace(strings.Join(slices.Concat([]string{g.Hostname}, profile, g.Paths, g.Tags), " "))
}
