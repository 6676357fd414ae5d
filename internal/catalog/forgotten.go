package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrAbsent means that a snapshot doesn't exist.
var ErrAbsent = errors.New("it does not exist")

// ErrPinned means that a snapshot is not forgotten because it is pinned.
var ErrPinned = errors.New("it is pinned: unpin it first")

// ForgetAll forgets snapshots, and returns those that don't exist. If one is pinned or
// locked, it forgets none.
func (c *Catalog) ForgetAll(ctx context.Context, ids []snapshot.ID) (absent []snapshot.ID, err error) {
	if err := c.keys.Current(ctx); err != nil {
		return nil, err
	}
	marks, err := c.Marks(ctx) // as late as possible, so that a new pin is seen
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

// Forget stores a copy of a manifest as forgotten, and then removes the manifest. If the
// manifest can't be read, Forget fails, and the manifest stays for repair. If the manifest
// doesn't exist, the error is ErrAbsent.
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
	return c.store.Remove(ctx, object.Snapshots.Name(id))
}

// WasForgotten reports whether a snapshot whose id begins with a prefix was forgotten. It may
// return false for a snapshot whose record a prune has deleted.
func (c *Catalog) WasForgotten(ctx context.Context, prefix string) (bool, error) {
	if prefix == "" {
		return false, nil
	}
	for info, err := range c.store.List(ctx, object.Forgotten) {
		if err != nil {
			return false, err
		}
		if strings.HasPrefix(object.Forgotten.Rest(info.Name), prefix) {
			return true, nil
		}
	}
	all, _, err := c.Stored(ctx)
	if err != nil {
		return false, err
	}
	for _, m := range all { // an original or a parent exists, or was forgotten
		for _, id := range []snapshot.ID{m.Original, m.Parent} {
			if !id.IsZero() && strings.HasPrefix(id.String(), prefix) {
				return true, nil
			}
		}
	}
	return c.manifests.hasRead(prefix), nil
}

// Forgotten yields the ids of the forgotten snapshots that still have a record.
func (c *Catalog) Forgotten(ctx context.Context) iter.Seq2[snapshot.ID, error] {
	return func(yield func(snapshot.ID, error) bool) {
		for info, err := range c.store.List(ctx, object.Forgotten) {
			if err != nil {
				yield(snapshot.ID{}, err)
				return
			}
			id, err := snapshot.ParseID(object.Forgotten.Rest(info.Name))
			if err == nil && !yield(id, nil) {
				return
			}
		}
	}
}

// ReadForgotten reads the manifest of a forgotten snapshot from its record.
func (c *Catalog) ReadForgotten(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	m, _, err := c.ReadAs(ctx, object.Forgotten.Name(id), id)
	return m, err
}
