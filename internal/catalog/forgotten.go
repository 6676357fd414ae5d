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

// ErrAbsent means that a snapshot is not there.
var ErrAbsent = errors.New("it is not there")

// ErrPinned means that a snapshot is pinned, and therefore not forgotten.
var ErrPinned = errors.New("it is pinned")

// ForgetAll forgets snapshots, and returns those that are not there. If one is pinned or
// locked, none is forgotten.
func (c *Catalog) ForgetAll(ctx context.Context, ids []snapshot.ID) (absent []snapshot.ID, err error) {
	if err := c.keys.Current(ctx); err != nil {
		return nil, err
	}
	marks, err := c.Marks(ctx) // as late as can be
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if marks[id].IsPinned(c.now()) {
			return nil, fmt.Errorf("snapshot %s: %w", id.Short(), ErrPinned)
		}
	}
	locks := c.store.Locks(c.now)
	defer func() { locks.Save() }()
	for _, id := range ids {
		until, err := locks.Until(ctx, object.Snapshots.Name(id))
		if err == nil && !until.IsZero() {
			err = object.LockedError(until)
		}
		if err != nil {
			return nil, fmt.Errorf("snapshot %s: %w", id.Short(), err)
		}
	}
	for _, id := range ids {
		err := c.Forget(ctx, id)
		if err == ErrAbsent {
			absent = append(absent, id)
		} else if err != nil {
			return absent, fmt.Errorf("forget snapshot %s: %w", id.Short(), err)
		}
	}
	return absent, nil
}

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

// HasRead reports whether this process has read a manifest whose id begins so.
func (c *Catalog) HasRead(prefix string) bool { return c.manifests.knew(prefix) }

// CheckManifest returns what is wrong with the copy of a manifest that is kept under a name
// of that kind: as pending, or as forgotten.
func (c *Catalog) CheckManifest(k object.Kind, name string, sealed []byte) error {
	_, err := c.sealer.Open(seal.Manifest, sealed)
	if err == nil && k.HashName(sealed) != name {
		err = object.ErrHash
	}
	return err
}
