package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
)

// RetainOptions say which snapshots are kept.
type RetainOptions struct {
	Policy snapshot.Policy
	Select Select // only these are decided on; the others stay
	// Group divides them: the policy is applied to each group by itself. The zero value
	// makes a group of each host and its paths.
	Group snapshot.Grouping
	// AllowEmpty permits to forget every snapshot of a group, which is else
	// ErrNoneKept.
	AllowEmpty bool
	DryRun     bool // decide only
}

// ErrNoneKept means that a policy would forget every snapshot of a group.
var ErrNoneKept = errors.New("the policy would keep no snapshot")

// A Retained group is what was decided on its snapshots.
type Retained struct {
	snapshot.Group
	Decisions []snapshot.Decision `json:"-"` // the newest first
	Locked    int                 `json:"-"` // of those that stay, only because the target keeps them
}

func retainSnapshots(ctx context.Context, e *engine.Engine, o RetainOptions) ([]Retained, error) {
	if err := o.Policy.Validate(); err != nil {
		return nil, err
	}
	if o.Policy.IsZero() {
		return nil, errors.New("the policy has no rule: say what to keep")
	}
	all, err := listSnapshots(ctx, e, o.Select)
	if err != nil {
		return nil, err
	}
	var out []Retained
	var drop []snapshot.ID
	for _, group := range o.Group.Group(all) {
		decisions := o.Policy.Decide(group.Snapshots, e.Now())
		if snapshot.NoneKept(decisions) && !o.AllowEmpty {
			err = errors.Join(err, fmt.Errorf("%w of %s", ErrNoneKept, groupText(group)))
		}
		locked, e := keepLocked(ctx, e, decisions)
		if e != nil {
			return nil, e
		}
		out = append(out, Retained{group, decisions, locked})
		for _, d := range decisions {
			if !d.Keep {
				drop = append(drop, d.Manifest.ID)
			}
		}
	}
	if err != nil || o.DryRun {
		return out, err
	}
	_, err = e.Catalog.ForgetAll(ctx, drop)
	return out, err
}

// keepLocked has those be kept that the target keeps, and returns how many.
func keepLocked(ctx context.Context, e *engine.Engine, decisions []snapshot.Decision) (n int, err error) {
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

// groupText says what the snapshots of a group have in common.
func groupText(g snapshot.Group) string {
	out := "those there are"
	if g.Hostname != "" || len(g.Paths) > 0 || len(g.Tags) > 0 {
		out = strings.TrimSpace(strings.Join(slices.Concat([]string{g.Hostname}, g.Paths, g.Tags), " "))
	}
	return out
}
