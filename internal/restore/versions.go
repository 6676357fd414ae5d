package restore

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/snapshot"
)

// Files that can't be restored are searched for in other snapshots, but not all files, and
// not in all snapshots.
const (
	maxSearchedFiles    = 20
	maxSearchedVersions = 100
)

// findIntact reports, for files that could not be restored because of damage, the newest
// other snapshot of the same source that has an intact file at the path.
func (r *run) findIntact(ctx context.Context) error {
	if len(r.damaged) == 0 {
		return nil
	}
	others, err := r.otherVersions(ctx)
	if err != nil {
		return err
	}
	base := r.o.Path
	if r.x.Bare {
		base = path.Dir(base)
	}
	for _, p := range r.damaged {
		for _, other := range others {
			has, err := r.reader.hasIntact(ctx, other, path.Join(base, p))
			if err != nil {
				return err
			}
			if has {
				r.report.elsewhere(p, other)
				break
			}
		}
	}
	return nil
}

// otherVersions returns the other snapshots that hold the same source, the newest first.
func (r *run) otherVersions(ctx context.Context) ([]*snapshot.Manifest, error) {
	placed, damaged, err := r.reader.e.Catalog.All(ctx)
	if err != nil {
		return nil, err
	}
	if damaged != nil && !errors.Is(damaged, outcome.ErrDamaged) && !errors.Is(damaged, seal.ErrNoKey) {
		return nil, damaged
	}
	same := catalog.Filter{Hostname: r.m.Hostname, Paths: r.m.Paths}
	all := slices.DeleteFunc(catalog.ManifestsOf(same.Select(placed)), func(m *snapshot.Manifest) bool { return m.ID == r.m.ID })
	slices.Reverse(all)
	return all[:min(len(all), maxSearchedVersions)], nil
}

// hasIntact reports whether a snapshot has a file at a path, all of whose chunks are in
// existing packs.
func (r *reader) hasIntact(ctx context.Context, m *snapshot.Manifest, p string) (bool, error) {
	e, err := view.Entry(ctx, r.e.Blobs, m, p)
	if err != nil || e.Type != snapshot.File || e.Problem != "" {
		return false, ctx.Err() // whatever is there, it is not that file
	}
	for c, err := range snapshot.Chunks(ctx, r, e, 0) {
		if err == nil {
			_, err = r.Present(ctx, c.ID)
		}
		if err != nil {
			return false, ctx.Err()
		}
	}
	return true, nil
}
