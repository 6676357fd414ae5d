package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrNoSnapshot means that no snapshot has the given id, or that a filter selects none.
var ErrNoSnapshot = errors.New("no such snapshot")

// All returns all snapshots in the order of snapshot.Order, with the tags and pins of their
// marks. damaged joins the errors of manifests that can't be read.
func (c *Catalog) All(ctx context.Context) (all []snapshot.Placed, damaged, err error) {
	list, damaged, err := c.Stored(ctx)
	if err == nil {
		err = c.Annotated(ctx, list)
	}
	if err != nil {
		return nil, nil, err
	}
	return snapshot.Order(list, c.now()), damaged, nil
}

// Stored returns all snapshots as they were stored, in no particular order. damaged joins the
// errors of manifests that can't be read.
func (c *Catalog) Stored(ctx context.Context) (all []*snapshot.Manifest, damaged, err error) {
	listed, err := c.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, errs := make([]*snapshot.Manifest, len(listed)), make([]error, len(listed))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.store.AtOnce(len(listed)))
	newerKey := atomic.Int64{}
	for i, l := range listed {
		g.Go(func() error {
			var err error
			found[i], err = c.Manifest(ctx, l)
			switch {
			case object.IsDamage(err):
				errs[i] = err
			case errors.Is(err, seal.ErrNoKey):
				newerKey.Add(1)
			case !errors.Is(err, fs.ErrNotExist): // which means forgotten meanwhile
				return err
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	if n := newerKey.Load(); n > 0 {
		errs = append(errs, fmt.Errorf("%d of %d snapshots: %w", n, len(listed), seal.ErrNoKey))
	}
	return slices.DeleteFunc(found, func(m *snapshot.Manifest) bool { return m == nil }), errors.Join(errs...), nil
}

// Sort sorts snapshots, the oldest first.
func (c *Catalog) Sort(all []*snapshot.Manifest) {
	copy(all, ManifestsOf(snapshot.Order(all, c.now())))
}

// ManifestsOf returns the manifests of placed snapshots.
func ManifestsOf(placed []snapshot.Placed) []*snapshot.Manifest {
	var out []*snapshot.Manifest
	for _, p := range placed {
		out = append(out, p.Manifest)
	}
	return out
}
