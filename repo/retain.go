package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/retain"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// RetainOptions say which snapshots are kept.
type RetainOptions struct {
	Policy retention.Policy
	// Filter selects the snapshots that the policy applies to. All others stay.
	Filter Filter
	// Group divides these snapshots: the policy applies to each group by itself. The zero
	// value makes a group of each host with its paths.
	Group retention.Grouping
	// AllowEmpty permits to forget every snapshot of a group, which otherwise is ErrNoneKept.
	AllowEmpty bool
	DryRun     bool // decide only
}

// Retained is what a policy has decided on a group of snapshots.
type Retained struct {
	retention.Group
	Decisions []retention.Decision `json:"-"` // the newest first
	Locked    int                  `json:"-"` // snapshots that are kept only because the target has locked them
}

// Retain forgets the snapshots that a policy doesn't keep, and returns what was decided, also
// together with ErrNoneKept, after which nothing is forgotten. A manifest that can't be read
// is an error, because it might be one that counts.
func (r *Repo) Retain(ctx context.Context, o RetainOptions) ([]Retained, error) {
	groups, err := retain.Apply(ctx, r.e, retain.Options{
		Policy: o.Policy, Filter: catalog.Filter(o.Filter), Group: o.Group, AllowEmpty: o.AllowEmpty, DryRun: o.DryRun,
	})
	var out []Retained
	for _, g := range groups {
		out = append(out, Retained(g))
	}
	return out, err
}

// Forget removes snapshots. Catalog.Undelete brings them back until Prune has deleted what
// only they reach. If one of them is pinned, the error is ErrPinned, and if the target keeps
// one locked, it is ErrLocked; then none is removed. A snapshot that was forgotten before is
// no error. For those that never were there the error is ErrNoSnapshot, and names them, after
// the others were removed.
func (r *Repo) Forget(ctx context.Context, ids []snapshot.ID) error {
	return retain.Forget(ctx, r.e, ids)
}
