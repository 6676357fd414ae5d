package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/retain"
	"github.com/qsnap/qsnap/snapshot"
)

// Maintenance is what a person does to a repository now and then, or when something is
// wrong with it. It is safe for concurrent use.
type Maintenance struct{ e *engine.Engine }

// Maintenance returns what a person does to the repository now and then.
func (r *Repo) Maintenance() *Maintenance { return &Maintenance{r.e} }

// Pending lists the pending manifests: those of runs that are about to publish a snapshot,
// and those of runs that were interrupted before they did.
func (m *Maintenance) Pending(ctx context.Context) ([]snapshot.ID, error) {
	return prune.Pending(ctx, m.e)
}

// AdoptOptions say which snapshots a host takes over from another, or an installation from
// another one of the same host.
type AdoptOptions struct {
	From, To string // hosts; the same to take over from other installations
	// Profile and ProfilePaths select snapshots as in a Filter. None selects all.
	Profile      string
	ProfilePaths []string
	// Installation is the one that takes over, so that its slots are counted together with
	// those that it takes over. Zero keeps the installations of the snapshots.
	Installation snapshot.Installation
	DryRun       bool // change nothing
}

// An Adopted is a snapshot that was taken over.
type Adopted struct {
	Old, New *snapshot.Manifest // New is nil in a dry run
	Left     error              // why Old is not forgotten: the target has locked it; or nil
}

// Adopt gives snapshots of a host that makes no more of them to another, the oldest first: a
// machine that was replaced or renamed, or a container that had another name. Each is
// published again with the old one as its Original, at its place in time, with its tags and
// its pin. Then the old one is forgotten; until a prune, Catalog.Undelete brings it back. If
// Adopt is interrupted, call it again: nothing is lost or taken over twice. The error may also
// name manifests that can't be read, which stay as they are.
func (m *Maintenance) Adopt(ctx context.Context, o AdoptOptions) ([]Adopted, error) {
	all, err := retain.Adopt(ctx, m.e, retain.AdoptOptions(o))
	var out []Adopted
	for _, a := range all {
		out = append(out, Adopted(a))
	}
	return out, err
}
