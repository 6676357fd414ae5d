package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/prune"
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
