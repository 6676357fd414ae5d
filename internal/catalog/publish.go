package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrTombstone means that a tombstone lies under the name of a manifest.
var ErrTombstone = fmt.Errorf("a tombstone lies under the manifest's name, because the run counted as dead: %w", fs.ErrNotExist)

// Publish stores a manifest under its final name: the commit point.
func (c *Catalog) Publish(ctx context.Context, id snapshot.ID, sealed []byte) error {
	err := c.store.Put(ctx, object.Snapshots.Name(id), sealed)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if there, e := c.store.ReadAll(ctx, object.Snapshots.Name(id), object.MaxManifest); e == nil && c.IsTombstone(there) {
		return ErrTombstone
	}
	return err
}

// IsTombstone reports whether an object is a tombstone.
func (c *Catalog) IsTombstone(sealed []byte) bool {
	_, err := c.sealer.Open(seal.Tombstone, sealed)
	return err == nil
}

// RemovePending removes a pending manifest if it exists.
func (c *Catalog) RemovePending(ctx context.Context, id snapshot.ID) error {
	return c.store.Remove(ctx, object.Pending.Name(id))
}

// Exists reports whether a snapshot still exists. A tombstone may lie in its place: a run
// published the manifest and died, and the snapshot was forgotten afterwards. A pruner then
// found the pending manifest of the dead run.
func (c *Catalog) Exists(ctx context.Context, id snapshot.ID) (bool, error) {
	front := make([]byte, seal.HeaderSize)
	err := c.store.ReadRange(ctx, object.Snapshots.Name(id), 0, front)
	if errors.Is(err, fs.ErrNotExist) || object.IsDamage(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	h, err := seal.ParseHeader(front)
	return err == nil && h.Kind() == seal.Manifest, nil
}

// PutTombstone stores a tombstone under a manifest's name, unless the name is taken.
func (c *Catalog) PutTombstone(ctx context.Context, id snapshot.ID) error {
	sealed, err := c.sealer.Seal(seal.Tombstone, nil)
	if err != nil {
		return err
	}
	err = c.store.Create(ctx, object.Snapshots.Name(id), sealed)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
