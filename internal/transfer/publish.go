package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/snapshot"
)

// copyOne copies one snapshot, with the tags that it has now, and returns the copy.
func (c *copier) copyOne(ctx context.Context, annotated *snapshot.Manifest) (*snapshot.Manifest, error) {
	m, sealed, err := c.from.Catalog.ReadAs(ctx, object.Snapshots.Name(annotated.ID), annotated.ID)
	if _, damaged := errors.AsType[*object.DamageError](err); damaged {
		return nil, fmt.Errorf("%w: %w", ErrNotCopied, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errForgotten
	}
	if err != nil {
		return nil, err
	}
	quarantine, err := c.to.Runs.Quarantined(ctx)
	if err != nil {
		return nil, err
	}
	c.s.TreatAsAbsent(quarantine.Has)
	if sealed, err = c.unchangedManifest(ctx, sealed); err != nil {
		return nil, err
	}
	ids, err := c.fetch(ctx, m, c.base(m))
	if err != nil {
		return nil, err
	}
	copied := c.newManifest(m, annotated.Tags, ids)
	if err := c.recordPrevious(ctx, copied.Previous); err != nil {
		return nil, err
	}
	if copied, err = c.publish(ctx, m, copied, sealed); err != nil {
		return nil, err
	}
	if !slices.Equal(copied.Tags, annotated.Tags) {
		return copied, c.to.Catalog.Tag(ctx, copied.ID, annotated.Tags)
	}
	return copied, nil
}

// base returns the version that a snapshot is compared with, or nil. It vouches for what it
// reaches in the destination.
func (c *copier) base(m *snapshot.Manifest) *version {
	v, ok := c.bases[chainOf(m)]
	if !ok {
		return nil
	}
	if !slices.Contains(c.vouchers, v.to.ID) {
		c.vouchers = append(c.vouchers, v.to.ID)
	}
	return &v
}

// unchangedManifest returns a sealed manifest if it may be stored as it is, and else nil.
func (c *copier) unchangedManifest(ctx context.Context, sealed []byte) ([]byte, error) {
	header, err := seal.ParseHeader(sealed)
	if err != nil || !c.canStoreUnchanged(header) {
		return nil, err
	}
	return sealed, c.protectRuns(ctx, header.Run())
}

// canStoreUnchanged reports whether the destination may store objects with that header as
// they are: it was made as a twin, and has the key that opens them.
func (c *copier) canStoreUnchanged(h seal.Header) bool {
	return c.to.Config.Twin != "" && c.haveOneID() && h.Epoch() <= c.from.Ring.Common(c.to.Ring)
}

// haveOneID reports whether both are the same repository on two targets.
func (c *copier) haveOneID() bool { return c.from.Config.ID() == c.to.Config.ID() }

// protectRuns has the lease name runs of the origin, so that nobody deletes their objects in
// the destination.
func (c *copier) protectRuns(ctx context.Context, runs ...seal.Run) error {
	before := len(c.protected)
	for _, run := range runs {
		c.protected[run] = true
	}
	if len(c.protected) == before {
		return nil
	}
	return c.s.ProtectRuns(ctx, c.protected)
}

// newManifest returns the manifest of a copy. Between twins the copy is the same snapshot,
// even if it is sealed again, and keeps its place in its chain.
func (c *copier) newManifest(m *snapshot.Manifest, tags []string, ids treeIDs) *snapshot.Manifest {
	copied := *m
	copied.ID, copied.Root.Subtree, copied.Notes, copied.Original = snapshot.ID{}, ids.root, ids.notes, m.ID
	if c.haveOneID() {
		return &copied
	}
	copied.Tags = tags
	copied.Parent, copied.Previous, copied.Number = snapshot.ID{}, snapshot.ID{}, 1
	if parent := c.copies[m.Parent]; parent != nil {
		copied.Parent = parent.ID
	}
	if n := c.newest[chainOf(m)]; n != nil {
		copied.Previous, copied.Number = n.ID, n.Number+1
	}
	return &copied
}

// publish publishes a copy, as sealed before unless that is nil, and returns it with its id.
func (c *copier) publish(ctx context.Context, m, copied *snapshot.Manifest, sealed []byte) (*snapshot.Manifest, error) {
	supply := func() error {
		c.fetcher.reset()
		ids, err := c.fetch(ctx, m, nil)
		if err == nil && ids != treesOf(copied) {
			err = write.ErrGone
		}
		return err
	}
	if err := c.s.Publish(ctx, copied, write.Publication{Proven: true, Vouchers: c.vouchers, Supply: supply, Sealed: sealed}); err != nil {
		return nil, err
	}
	if copied.ID == m.ID { // the same object, which was made from no other
		same := *copied
		same.Original = snapshot.ID{}
		copied = &same
		c.to.Catalog.Cache(copied, sealed)
	}
	c.copies[m.ID], c.newest[chainOf(m)] = copied, copied
	c.addBase(version{m, copied})
	return copied, nil
}

// recordPrevious stores the predecessor of a snapshot as forgotten in a twin that doesn't
// have it. Otherwise check would report it as missing there.
func (c *copier) recordPrevious(ctx context.Context, id snapshot.ID) error {
	if id.IsZero() || c.copies[id] != nil || !c.haveOneID() {
		return nil
	}
	for _, name := range []string{object.Snapshots.Name(id), object.Forgotten.Name(id)} {
		_, sealed, err := c.from.Catalog.ReadAs(ctx, name, id)
		_, damaged := errors.AsType[*object.DamageError](err)
		if damaged || errors.Is(err, fs.ErrNotExist) || errors.Is(err, seal.ErrNoKey) {
			continue
		}
		if err != nil {
			return err
		}
		if header, err := seal.ParseHeader(sealed); err != nil || header.Epoch() > c.from.Ring.Common(c.to.Ring) {
			return nil // the twin couldn't read it
		}
		return c.to.Store.Put(ctx, object.Forgotten.Name(id), sealed)
	}
	return nil
}
