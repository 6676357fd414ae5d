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

// A Listing is a manifest in a listing, or a tombstone in its place.
type Listing struct {
	ID   snapshot.ID
	Size int64
}

// A manifestCache keeps the manifests that were read. They never change. Its zero value is
// empty and ready to use.
type manifestCache struct {
	mu   sync.Mutex
	byID map[snapshot.ID]sizedManifest
	read map[snapshot.ID]bool // all manifests that were ever put, dropped ones too
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
		c.byID, c.read = map[snapshot.ID]sizedManifest{}, map[snapshot.ID]bool{}
	}
	c.read[m.ID] = true
	c.byID[m.ID] = sizedManifest{m, size}
}

// hasRead reports whether a manifest was ever put whose id begins with prefix.
func (c *manifestCache) hasRead(prefix string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.read {
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

// Manifest reads a manifest that was just listed.
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

// Read reads a manifest from the target. If a tombstone lies in its place, the error is
// ErrTombstone, which matches fs.ErrNotExist.
func (c *Catalog) Read(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	m, _, err := c.ReadAs(ctx, object.Snapshots.Name(id), id)
	return m, err
}

// ReadAs reads a manifest that is stored under a name, and also returns its sealed bytes.
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

// List lists all snapshots, and tombstones among them. It skips foreign names, which check
// reports.
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

// cachedManifest returns a listed manifest from the cache, or nil.
//
// A tombstone may lie under the name of a manifest later. It comes about like this: a run
// publishes the manifest and dies, which leaves the pending one. The snapshot is forgotten,
// which removes the manifest. Then a pruner finds the pending manifest without a run, and
// puts a tombstone. But no object replaces another one that exists. And sealing adds the same
// length to all objects, so a tombstone, which is empty, is shorter than any manifest. An
// object of the manifest's size is therefore the manifest.
func (c *Catalog) cachedManifest(l Listing) *snapshot.Manifest {
	sealed, ok := c.store.CachedObject(object.Snapshots.Name(l.ID), l.ID)
	if !ok || int64(len(sealed)) != l.Size {
		return nil
	}
	body, err := c.sealer.Open(seal.Manifest, sealed)
	if err != nil {
		return nil // reading it from the target returns the error
	}
	m, err := snapshot.ParseManifest(body)
	if err != nil {
		return nil
	}
	m.ID = l.ID
	return m
}

// Cache puts a manifest that was published or read into the caches.
func (c *Catalog) Cache(m *snapshot.Manifest, sealed []byte) {
	c.manifests.put(m, int64(len(sealed)))
	c.store.Cache(object.CacheName(object.Snapshots.Name(m.ID)), sealed)
}

// CheckManifest returns an error if a copy of a manifest is damaged. k is its kind, pending or
// forgotten.
func (c *Catalog) CheckManifest(k object.Kind, name string, sealed []byte) error {
	_, err := c.sealer.Open(seal.Manifest, sealed)
	if err == nil && k.HashName(sealed) != name {
		err = object.ErrHash
	}
	return err
}
