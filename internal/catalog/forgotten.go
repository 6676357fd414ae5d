package catalog

import (
	"context"
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrAbsent means that a snapshot is not there.
var ErrAbsent = errors.New("it is not there")

// Forget keeps a copy of a manifest as forgotten, and then removes it. A manifest
// that can't be read is kept as it is: it stays for repair. One that isn't there is
// ErrAbsent.
func (c *Catalog) Forget(ctx context.Context, id snapshot.ID) error {
	_, sealed, err := c.ReadAs(ctx, object.Snapshots.Name(id), id)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrAbsent
	}
	if err != nil {
		return err
	}
	if err := c.store.WithReserve(ctx, func() error { return c.store.Put(ctx, object.Forgotten.Name(id), sealed) }); err != nil {
		return err
	}
	c.manifests.drop(id)
	if err := c.store.Remove(ctx, object.Snapshots.Name(id)); err != nil {
		return err
	}
	return nil
}

// Knew reports whether this process has read a manifest whose id begins so.
func (c *Catalog) Knew(prefix string) bool { return c.manifests.knew(prefix) }
