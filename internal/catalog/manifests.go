package catalog

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// A Listing is what a listing says of a manifest, or of a tombstone in its place.
type Listing struct {
	ID   snapshot.ID
	Size int64
}

// manifestCache keeps the manifests that were read: they never change. Its zero
// value is empty and ready to use.
type manifestCache struct {
	mu    sync.Mutex
	byID  map[snapshot.ID]sizedManifest
	known map[snapshot.ID]bool // all that were ever put
}

// A sizedManifest is a manifest and the size of its object (see cachedManifest).
type sizedManifest struct {
	m    *snapshot.Manifest
	size int64
}

func (c *manifestCache) get(l Listing) *snapshot.Manifest {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.byID[l.ID]; found.size == l.Size {
		return found.m
	}
	return nil
}

func (c *manifestCache) put(m *snapshot.Manifest, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID, c.known = map[snapshot.ID]sizedManifest{}, map[snapshot.ID]bool{}
	}
	c.known[m.ID] = true
	c.byID[m.ID] = sizedManifest{m, size}
}

// knew reports whether a manifest was put whose id begins so.
func (c *manifestCache) knew(prefix string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.known {
		if prefix != "" && strings.HasPrefix(id.String(), prefix) {
			return true
		}
	}
	return false
}

func (c *manifestCache) drop(id snapshot.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}

// Manifest reads a manifest that was listed just now.
func (c *Catalog) Manifest(ctx context.Context, l Listing) (*snapshot.Manifest, error) {
	if m := c.manifests.get(l); m != nil {
		return m, nil
	}
	if m := c.cachedManifest(l); m != nil {
		c.manifests.put(m, l.Size)
		return m, nil
	}
	m, sealed, err := c.ReadAs(ctx, object.Snapshots.Name(l.ID), l.ID)
	if err == nil {
		c.Cache(m, sealed)
	}
	return m, err
}

// Read reads a manifest from the target. A tombstone in its place is
// ErrTombstone, which is fs.ErrNotExist.
func (c *Catalog) Read(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	m, _, err := c.ReadAs(ctx, object.Snapshots.Name(id), id)
	return m, err
}

// ReadAs reads a manifest that is stored under some name, and returns it as
// sealed, too.
func (c *Catalog) ReadAs(ctx context.Context, name string, id snapshot.ID) (*snapshot.Manifest, []byte, error) {
	sealed, err := c.store.ReadAll(ctx, name, object.MaxManifest)
	if object.IsDamage(err) {
		sealed, err = c.store.ReadFromReplicas(ctx, name, id, object.MaxManifest, err)
	}
	if err != nil {
		return nil, nil, err
	}
	if c.IsTombstone(sealed) {
		return nil, nil, ErrTombstone
	}
	if blake3.Sum256(sealed) != id {
		if _, err := c.sealer.Open(seal.Tombstone, sealed); errors.Is(err, seal.ErrNoKey) {
			return nil, nil, object.OpenError(name, err)
		}
		if sealed, err = c.store.ReadFromReplicas(ctx, name, id, object.MaxManifest, &object.DamageError{Object: name, Err: object.ErrHash}); err != nil {
			return nil, nil, err
		}
	}
	body, err := c.sealer.Open(seal.Manifest, sealed)
	if err != nil {
		return nil, nil, object.OpenError(name, err)
	}
	m, err := snapshot.ParseManifest(body)
	if err != nil {
		return nil, nil, &object.DamageError{Object: name, Err: err}
	}
	m.ID = id
	return m, sealed, nil
}

// List lists all snapshots. Names that are none are passed over; check tells
// of them.
func (c *Catalog) List(ctx context.Context) ([]Listing, error) {
	var all []Listing
	for info, err := range c.store.List(ctx, object.Snapshots) {
		if err != nil {
			return nil, err
		}
		if id, err := snapshot.ParseID(object.Snapshots.Rest(info.Name)); err == nil {
			all = append(all, Listing{id, info.Size})
		}
	}
	return all, nil
}

// cachedManifest returns the manifest that was listed with that size.
//
// The name of a manifest may hold a tombstone later: a run dies when it has just
// published, which leaves the pending manifest; the published one is forgotten and so
// deleted; and who finds the pending one without a run gives it up. But no object ever
// takes the place of another while that is there, and sealing adds the same to the
// length of all: a tombstone, which has nothing in it, is shorter than any manifest.
// What has the manifest's size is the manifest.
func (c *Catalog) cachedManifest(l Listing) *snapshot.Manifest {
	sealed, ok := c.store.CachedObject(object.Snapshots.Name(l.ID), l.ID)
	if !ok || int64(len(sealed)) != l.Size {
		return nil
	}
	body, err := c.sealer.Open(seal.Manifest, sealed)
	if err != nil {
		return nil // the target will say the same
	}
	m, err := snapshot.ParseManifest(body)
	if err != nil {
		return nil
	}
	m.ID = l.ID
	return m
}

// Keep keeps a manifest that was published or read.
func (c *Catalog) Cache(m *snapshot.Manifest, sealed []byte) {
	c.manifests.put(m, int64(len(sealed)))
	c.store.Cache(object.CacheName(object.Snapshots.Name(m.ID)), sealed)
}
