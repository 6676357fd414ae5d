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
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/snapshot"
)

// Forget removes snapshots. What only they reach can be brought back by Undelete
// until Prune has deleted it. If one is pinned the error is ErrPinned, if the target keeps
// one locked it is ErrLocked, and then none is removed. One that was forgotten before is
// no error. For those that never were there the error is ErrNoSnapshot, and names them,
// after the others were removed.
func (r *Repo) Forget(ctx context.Context, ids ...snapshot.ID) error {
	absent, err := r.forgetAll(ctx, ids)
	if err != nil {
		return err
	}
	var unknown []error
	for _, id := range absent {
		was, err := r.WasForgotten(ctx, id.String())
		if err != nil {
			return err
		}
		if !was {
			unknown = append(unknown, fmt.Errorf("%w: %s", ErrNoSnapshot, id))
		}
	}
	return errors.Join(unknown...)
}

// WasForgotten reports whether there was a snapshot whose id begins so, and was
// forgotten. It may say no for one whose record Prune has deleted.
func (r *Repo) WasForgotten(ctx context.Context, prefix string) (bool, error) {
	for info, err := range r.store.List(ctx, object.Forgotten) {
		if err != nil {
			return false, err
		}
		if prefix != "" && strings.HasPrefix(object.Forgotten.Rest(info.Name), prefix) {
			return true, nil
		}
	}
	all, _, err := r.catalog.Stored(ctx)
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
	return r.catalog.Knew(prefix), nil
}

// forgetAll removes snapshots, and returns those that are not there.
func (r *Repo) forgetAll(ctx context.Context, ids []snapshot.ID) (absent []snapshot.ID, err error) {
	if err := r.keys.Current(ctx); err != nil {
		return nil, err
	}
	marks, err := r.catalog.Marks(ctx) // as late as can be
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if marks[id].IsPinned(r.opts.Now()) {
			return nil, fmt.Errorf("snapshot %s: %w", id.Short(), ErrPinned)
		}
	}
	locks := r.store.Locks(r.opts.Now)
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
		err := r.catalog.Forget(ctx, id)
		if err == catalog.ErrAbsent {
			absent = append(absent, id)
		} else if err != nil {
			return absent, fmt.Errorf("forget snapshot %s: %w", id.Short(), err)
		}
	}
	return absent, nil
}

// Forgotten returns the snapshots that were removed and can be brought back, the
// oldest first.
func (r *Repo) Forgotten(ctx context.Context) ([]*snapshot.Manifest, error) {
	standing := map[snapshot.ID]bool{} // or brought back
	all, err := r.everySnapshot(ctx)
	if all == nil && err != nil {
		return nil, err
	}
	for _, m := range all {
		standing[m.ID], standing[m.Original] = true, true
	}
	var out []*snapshot.Manifest
	var damaged []error
	for info, err := range r.store.List(ctx, object.Forgotten) {
		if err != nil {
			return nil, err
		}
		id, err := snapshot.ParseID(object.Forgotten.Rest(info.Name))
		if err != nil || standing[id] {
			continue
		}
		m, _, err := r.catalog.ReadAs(ctx, info.Name, id)
		var damage *DamageError
		switch {
		case err == nil:
			whole, err := r.isWhole(ctx, m)
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
	if err := r.catalog.Annotated(ctx, out); err != nil {
		return nil, err
	}
	r.catalog.Sort(out)
	return out, errors.Join(damaged...)
}

// isWhole reports whether packs hold all that a snapshot reaches, as far as the
// index deltas tell.
func (r *Repo) isWhole(ctx context.Context, m *snapshot.Manifest) (bool, error) {
	lost := map[chunk.ID]bool{}
	err := r.blobs.WithIndex(ctx, func(x *index.Index) error {
		clear(lost)
		if err := r.findLost(ctx, x, m, lost, map[chunk.ID]bool{}); err != nil || len(lost) == 0 {
			return err
		}
		return &LostError{ID: slices.SortedFunc(maps.Keys(lost), object.Compare)[0]}
	})
	if loss := (*LostError)(nil); errors.As(err, &loss) {
		return false, nil
	}
	return err == nil, err
}

// Undelete brings back a forgotten snapshot, if all that it reaches is still there,
// be it in quarantine, and returns it. It has another id, as no name is used twice:
// a run that was thought dead might still remove what has the old one.
func (r *Repo) Undelete(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	m, _, err := r.catalog.ReadAs(ctx, object.Forgotten.Name(id), id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s was not forgotten, or what it held is deleted", ErrNoSnapshot, id.Short())
	}
	if err != nil {
		return nil, err
	}
	s, err := r.newSession(ctx, runs.Writing, runs.Record{What: "undelete"}, CompressionAuto, 1)
	if err != nil {
		return nil, err
	}
	defer s.close()
	said := []*snapshot.Manifest{m}
	if err := r.catalog.Annotated(ctx, said); err != nil {
		return nil, err
	}
	m.Tags, m.Original = said[0].Tags, id
	return m, (&publication{s: s, m: m}).run(s.ctx)
}
