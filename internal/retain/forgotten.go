package retain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// Forget forgets snapshots. If one is pinned or locked, none is forgotten. A snapshot that was
// forgotten before is no error. One that never was there is: the error is
// catalog.ErrNoSnapshot, after the others were forgotten.
func Forget(ctx context.Context, e *engine.Engine, ids []snapshot.ID) error {
	absent, err := e.Catalog.ForgetAll(ctx, ids)
	if err != nil {
		return err
	}
	var unknown []error
	for _, id := range absent {
		was, err := e.Catalog.WasForgotten(ctx, id.String())
		if err != nil {
			return err
		}
		if !was {
			unknown = append(unknown, fmt.Errorf("%w: %s", catalog.ErrNoSnapshot, id))
		}
	}
	return errors.Join(unknown...)
}

// Forgotten returns the forgotten snapshots that Undelete can bring back, the oldest first.
// Records that can't be read are left out, and named by the error.
func Forgotten(ctx context.Context, e *engine.Engine) ([]*snapshot.Manifest, error) {
	present := map[snapshot.ID]bool{} // they, or what Undelete has made of them
	all, err := e.Catalog.Every(ctx)
	if all == nil && err != nil {
		return nil, err
	}
	for _, m := range all {
		present[m.ID], present[m.Original] = true, true
	}
	var out []*snapshot.Manifest
	var damaged []error
	for id, err := range e.Catalog.Forgotten(ctx) {
		if err != nil {
			return nil, err
		}
		if present[id] {
			continue
		}
		m, err := e.Catalog.ReadForgotten(ctx, id)
		if object.IsDamage(err) {
			damaged = append(damaged, err)
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // a prune has deleted the record
		}
		if err != nil {
			return nil, err
		}
		whole, err := isWhole(ctx, e, m)
		if err != nil {
			return nil, err
		}
		if whole {
			out = append(out, m)
		}
	}
	if err := e.Catalog.Annotated(ctx, out); err != nil {
		return nil, err
	}
	e.Catalog.Sort(out)
	return out, errors.Join(damaged...)
}

// isWhole reports whether packs hold all that a snapshot reaches, as far as the index deltas
// tell.
func isWhole(ctx context.Context, e *engine.Engine, m *snapshot.Manifest) (bool, error) {
	lost := map[chunk.ID]bool{}
	err := e.Blobs.WithIndex(ctx, func(x *index.Index) error {
		clear(lost)
		if err := e.Blobs.FindLost(ctx, x, m, lost, map[chunk.ID]bool{}); err != nil || len(lost) == 0 {
			return err
		}
		return &blob.LostError{ID: slices.SortedFunc(maps.Keys(lost), object.Compare)[0]}
	})
	if _, ok := errors.AsType[*blob.LostError](err); ok {
		return false, nil
	}
	return err == nil, err
}

// Undelete brings a forgotten snapshot back under another id, and returns it. An id is used
// once: a pruner that counts as dead might still remove what has the old one.
func Undelete(ctx context.Context, e *engine.Engine, id snapshot.ID) (*snapshot.Manifest, error) {
	m, err := e.Catalog.ReadForgotten(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s was not forgotten, or what it held is deleted", catalog.ErrNoSnapshot, id.Short())
	}
	if err != nil {
		return nil, err
	}
	s, within, err := write.Begin(ctx, e, runs.Writing, runs.Record{What: "undelete"}, pack.Auto, 1)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	current := []*snapshot.Manifest{m}
	if err := e.Catalog.Annotated(ctx, current); err != nil {
		return nil, err
	}
	m.Tags, m.Original = current[0].Tags, id
	return m, s.Publish(within, m, write.Publication{})
}
