package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/snapshot"
)

func forget(ctx context.Context, e *engine.Engine, ids ...snapshot.ID) error {
	absent, err := e.Catalog.ForgetAll(ctx, ids)
	if err != nil {
		return err
	}
	var unknown []error
	for _, id := range absent {
		was, err := wasForgotten(ctx, e, id.String())
		if err != nil {
			return err
		}
		if !was {
			unknown = append(unknown, fmt.Errorf("%w: %s", ErrNoSnapshot, id))
		}
	}
	return errors.Join(unknown...)
}

func wasForgotten(ctx context.Context, e *engine.Engine, prefix string) (bool, error) {
	for info, err := range e.Store.List(ctx, object.Forgotten) {
		if err != nil {
			return false, err
		}
		if prefix != "" && strings.HasPrefix(object.Forgotten.Rest(info.Name), prefix) {
			return true, nil
		}
	}
	all, _, err := e.Catalog.Stored(ctx)
	if err != nil {
		return false, err
	}
	for _, m := range all { // one that others were made from is there, or was
		for _, id := range []snapshot.ID{m.Original, m.Parent} {
			if prefix != "" && !id.IsZero() && strings.HasPrefix(id.String(), prefix) {
				return true, nil
			}
		}
	}
	return e.Catalog.HasRead(prefix), nil
}

func forgottenSnapshots(ctx context.Context, e *engine.Engine) ([]*snapshot.Manifest, error) {
	standing := map[snapshot.ID]bool{} // or brought back
	all, err := everySnapshot(ctx, e)
	if all == nil && err != nil {
		return nil, err
	}
	for _, m := range all {
		standing[m.ID], standing[m.Original] = true, true
	}
	var out []*snapshot.Manifest
	var damaged []error
	for info, err := range e.Store.List(ctx, object.Forgotten) {
		if err != nil {
			return nil, err
		}
		id, err := snapshot.ParseID(object.Forgotten.Rest(info.Name))
		if err != nil || standing[id] {
			continue
		}
		m, _, err := e.Catalog.ReadAs(ctx, info.Name, id)
		var damage *DamageError
		switch {
		case err == nil:
			whole, err := isWhole(ctx, e, m)
			if err != nil {
				return nil, err
			}
			if whole {
				out = append(out, m)
			}
		case errors.As(err, &damage):
			damaged = append(damaged, err)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	if err := e.Catalog.Annotated(ctx, out); err != nil {
		return nil, err
	}
	e.Catalog.Sort(out)
	return out, errors.Join(damaged...)
}

// isWhole reports whether packs hold all that a snapshot reaches, as far as the
// index deltas tell.
func isWhole(ctx context.Context, e *engine.Engine, m *snapshot.Manifest) (bool, error) {
	lost := map[chunk.ID]bool{}
	err := e.Blobs.WithIndex(ctx, func(x *index.Index) error {
		clear(lost)
		if err := e.Blobs.FindLost(ctx, x, m, lost, map[chunk.ID]bool{}); err != nil || len(lost) == 0 {
			return err
		}
		return &LostError{ID: slices.SortedFunc(maps.Keys(lost), object.Compare)[0]}
	})
	if loss := (*LostError)(nil); errors.As(err, &loss) {
		return false, nil
	}
	return err == nil, err
}

func undelete(ctx context.Context, e *engine.Engine, id snapshot.ID) (*snapshot.Manifest, error) {
	m, _, err := e.Catalog.ReadAs(ctx, object.Forgotten.Name(id), id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s was not forgotten, or what it held is deleted", ErrNoSnapshot, id.Short())
	}
	if err != nil {
		return nil, err
	}
	s, within, err := write.Begin(ctx, e, runs.Writing, runs.Record{What: "undelete"}, CompressionAuto, 1)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	said := []*snapshot.Manifest{m}
	if err := e.Catalog.Annotated(ctx, said); err != nil {
		return nil, err
	}
	m.Tags, m.Original = said[0].Tags, id
	return m, s.Publish(within, m, write.Publication{})
}
