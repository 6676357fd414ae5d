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

// ErrTombstone means that a tombstone stands where a manifest was to be.
var ErrTombstone = fmt.Errorf("the run was given up for dead: %w", fs.ErrNotExist)

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

// RemovePending removes a pending manifest, if it is there.
func (c *Catalog) RemovePending(ctx context.Context, id snapshot.ID) error {
	return c.store.Remove(ctx, object.Pending.Name(id))
}

// Exists reports whether a snapshot is still there. A tombstone may have taken its
// place: that of one whose run died when it had just published it, and which was then
// forgotten.
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

// PutTombstone stores a tombstone, unless there is something under the name.
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
