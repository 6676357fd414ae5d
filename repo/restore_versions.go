package repo

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/snapshot"
)

// How many files that can't be restored are looked for in other snapshots, and in how
// many of these.
const (
	soughtFiles    = 20
	soughtVersions = 100
)

// tellVersions tells the report, of files that can't be restored because of damage, which
// is the newest other snapshot of the same source that has them whole.
func (s *restoreReader) tellVersions(ctx context.Context, m *snapshot.Manifest, o *RestoreOptions, bare bool, lost []string, tell func(path string, m *snapshot.Manifest)) error {
	if len(lost) == 0 {
		return nil
	}
	all, err := s.e.Catalog.Snapshots(ctx, catalog.Filter{Hostname: m.Hostname, Paths: m.Paths})
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewerKey) {
		return err
	}
	all = slices.DeleteFunc(all, func(other *snapshot.Manifest) bool { return other.ID == m.ID })
	slices.Reverse(all) // the newest first
	base := o.Path
	if bare {
		base = path.Dir(base)
	}
	for _, p := range lost[:min(len(lost), soughtFiles)] {
		for _, other := range all[:min(len(all), soughtVersions)] {
			has, err := s.hasWhole(ctx, other, path.Join(base, p))
			if err != nil {
				return err
			}
			if has {
				tell(p, other)
				break
			}
		}
	}
	return nil
}

// hasWhole reports whether a snapshot has a file of that path, all of whose chunks are in
// packs that are there.
func (s *restoreReader) hasWhole(ctx context.Context, m *snapshot.Manifest, p string) (bool, error) {
	e, err := view.Entry(ctx, s.e.Blobs, m, p)
	if err != nil || e.Type != snapshot.File || e.Problem != "" {
		return false, ctx.Err() // whatever it is, it isn't that file
	}
	for c, err := range snapshot.Chunks(ctx, s, e, 0) {
		if err == nil {
			_, err = s.Present(ctx, c.ID)
		}
		if err != nil {
			return false, ctx.Err()
		}
	}
	return true, nil
}
