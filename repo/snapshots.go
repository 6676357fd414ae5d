package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrNoSnapshot means that no snapshot is the one asked for.
var ErrNoSnapshot = catalog.ErrNoSnapshot

// ErrPinned means that a snapshot is pinned and can't be forgotten.
var ErrPinned = errors.New("it is pinned")

// Snapshots returns the snapshots that are picked, the oldest first, in the order of
// snapshot.Order. Manifests that can't be read don't keep the others from being returned,
// together with an error that names them.
func (r *Repo) Snapshots(ctx context.Context, s Select) ([]*snapshot.Manifest, error) {
	placed, damaged, err := r.catalog.All(ctx)
	if err != nil {
		return nil, err
	}
	return catalog.ManifestsOf(s.pick(placed)), damaged
}

// everySnapshot returns all snapshots of all kinds, the oldest first, as Snapshots does.
func (r *Repo) everySnapshot(ctx context.Context) ([]*snapshot.Manifest, error) {
	return r.Snapshots(ctx, Select{AnyKind: true})
}

// Find returns the snapshot that a word names: "latest", which is the newest of those
// picked, or the beginning of an id. With Before the newest is the one that had ended then,
// as snapshot.At tells. The errors are ErrNoSnapshot, and one that tells of several with
// the same beginning.
func (r *Repo) Find(ctx context.Context, word string, s Select) (*snapshot.Manifest, error) {
	if word != "latest" {
		return r.catalog.FindPrefix(ctx, word)
	}
	m, _, err := r.Latest(ctx, s)
	return m, err
}

// Latest returns the newest snapshot that is picked, as Find does for "latest", and the
// sources of all that are picked: if these are several, it is the newest of them all.
func (r *Repo) Latest(ctx context.Context, s Select) (*snapshot.Manifest, []SourceVersions, error) {
	all, damaged, err := r.catalog.All(ctx)
	if err != nil {
		return nil, nil, err
	}
	if errors.Is(damaged, ErrNewerKey) {
		return nil, nil, damaged // it may be the latest
	}
	if m := s.newest(all); m != nil {
		return m, sourcesOf(s.pick(all)), nil
	}
	return nil, nil, errors.Join(fmt.Errorf("%w%s", ErrNoSnapshot, s.text()), damaged)
}

// Pin keeps a snapshot from being forgotten up to a time, or for ever if that is
// zero.
func (r *Repo) Pin(ctx context.Context, id snapshot.ID, until time.Time) error {
	return r.catalog.Annotate(ctx, id, func(m *catalog.Mark) {
		m.Pinned, m.Until = true, 0
		if !until.IsZero() {
			m.Until = until.Unix()
		}
	})
}

// Unpin takes back what Pin did.
func (r *Repo) Unpin(ctx context.Context, id snapshot.ID) error {
	return r.catalog.Annotate(ctx, id, func(m *catalog.Mark) { m.Pinned, m.Until = false, 0 })
}

// Tag replaces the tags of a snapshot.
func (r *Repo) Tag(ctx context.Context, id snapshot.ID, tags []string) error {
	return r.catalog.Annotate(ctx, id, func(m *catalog.Mark) {
		m.Tagged, m.Tags = true, nil
		for _, tag := range sortedUnique(tags) {
			m.Tags = append(m.Tags, []byte(tag))
		}
	})
}
