// Package catalog lists the snapshots of a repository. It also stores the objects beside them:
// pending and forgotten manifests, tombstones, marks (tags and pins), and losses.
//
// What must stay true: a manifest never changes. A tombstone may lie under its name instead. A
// pruner puts it there to abandon a run that counts as dead. Create-only Put decides between
// the manifest and the tombstone.
//
// # Formats
//
// A mark is CBOR in core deterministic encoding, sealed:
//
//	marks/<snapshot, 64 digits>-<number, 8 digits>
//	     1 tags, 2 whether they replace the manifest's, 3 pinned, 4 until, in seconds
//	     since 1970, or 0 for ever, 5 snapshot, 6 number
//
// A loss is the ids of chunks and trees, 32 bytes each, sealed. A tombstone is empty.
package catalog

import (
	"time"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// A Catalog lists the snapshots of a repository. It is safe for concurrent use.
type Catalog struct {
	store     *object.Store
	keys      *keys.Keys
	sealer    *seal.Sealer
	now       func() time.Time
	manifests manifestCache
}

// New returns the catalog of a repository.
func New(store *object.Store, k *keys.Keys, sealer *seal.Sealer, now func() time.Time) *Catalog {
	return &Catalog{store: store, keys: k, sealer: sealer, now: now}
}
