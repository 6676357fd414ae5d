// Package catalog knows which snapshots there are, and what is recorded beside them:
// pending and forgotten manifests, marks (tags and pins), and losses.
//
// What must stay true: a manifest never changes. A tombstone may lie under its name instead:
// a pruner puts it there to abandon a run that it takes for dead, and create-only Put
// decides between the two.
//
// # Formats
//
// A mark is CBOR in core deterministic encoding, sealed:
//
//	marks/<snapshot, 64 digits>-<number, 8 digits>
//	     1 tags, 2 whether they count, 3 pinned, 4 until, in seconds since 1970, or 0
//	     for ever, 5 snapshot, 6 number
//
// A loss is the ids of chunks and trees, 32 bytes each, sealed. A tombstone is empty.
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
