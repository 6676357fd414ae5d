// Package catalog knows which snapshots there are, and what was said of them: manifests,
// pending and forgotten ones, marks (tags and pins), and losses.
//
// What must stay true: a manifest never changes. A tombstone may lie under its name instead:
// a pruner puts it there to abandon a run that it takes for dead, and create-only Put
// decides between the two.
package catalog

import (
	"time"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// A Catalog is the snapshots of a repository. It is safe for concurrent use.
type Catalog struct {
	store     *object.Store
	keys      *keys.Keys
	sealer    *seal.Sealer
	now       func() time.Time
	manifests manifestCache
}

// New returns the snapshots of a repository.
func New(store *object.Store, k *keys.Keys, sealer *seal.Sealer, now func() time.Time) *Catalog {
	return &Catalog{store: store, keys: k, sealer: sealer, now: now}
}
