package repo

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/snapshot"
)

// A Filter selects snapshots. Its zero value selects all source versions.
type Filter struct {
	Hostname string
	Paths    []string  // each is a path of the snapshot, or below one
	Tags     []string  // the snapshot has them all
	Until    time.Time // the snapshot ended at that time or earlier; zero is no bound
	Last     int       // how many of the newest; 0 is all
	// Kinds are the kinds that are selected. None means source versions.
	Kinds   []snapshot.Kind
	AnyKind bool // every kind is selected
	// Profile selects the snapshots of a profile, and those without a profile that are of
	// exactly the ProfilePaths, in any order; a path below another of them says nothing. To
	// select those of one host, name it, too.
	Profile      string
	ProfilePaths []string
	// Installation selects the snapshots that it took. Zero is no bound.
	Installation snapshot.Installation
}

// Snapshots returns the snapshots that a filter selects, the oldest first, in the order of
// snapshot.Order. Manifests that can't be read are left out, and named by the error that then
// comes with the others.
func (r *Repo) Snapshots(ctx context.Context, f Filter) ([]*snapshot.Manifest, error) {
	return r.e.Catalog.Snapshots(ctx, catalog.Filter(f))
}

// Get returns the snapshot with an id, or ErrNoSnapshot.
func (r *Repo) Get(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	return r.e.Catalog.Get(ctx, id)
}

// Latest returns the newest snapshot that a filter selects, or ErrNoSnapshot. With Until, it
// is the state of the source at that time, as snapshot.At defines it. If the filter selects
// several sources, the snapshot is the newest of them all: Catalog.Sources tells them apart.
func (r *Repo) Latest(ctx context.Context, f Filter) (*snapshot.Manifest, error) {
	return r.e.Catalog.Latest(ctx, catalog.Filter(f))
}

// Find returns the snapshot whose id begins with a prefix, as a person types it. The error is
// ErrNoSnapshot if there is none, and an *AmbiguousError if there are several.
func (r *Repo) Find(ctx context.Context, prefix string) (*snapshot.Manifest, error) {
	return r.e.Catalog.Find(ctx, prefix)
}
