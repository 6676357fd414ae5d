package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrNoSnapshot means that no snapshot is the one asked for.
var ErrNoSnapshot = catalog.ErrNoSnapshot

// ErrPinned means that a snapshot is pinned and can't be forgotten.
var ErrPinned = catalog.ErrPinned

func listSnapshots(ctx context.Context, e *engine.Engine, s Select) ([]*snapshot.Manifest, error) {
	placed, damaged, err := e.Catalog.All(ctx)
	if err != nil {
		return nil, err
	}
	return catalog.ManifestsOf(s.pick(placed)), damaged
}

// everySnapshot returns all snapshots of all kinds, the oldest first, as Snapshots does.
func everySnapshot(ctx context.Context, e *engine.Engine) ([]*snapshot.Manifest, error) {
	return listSnapshots(ctx, e, Select{AnyKind: true})
}

func findSnapshot(ctx context.Context, e *engine.Engine, word string, s Select) (*snapshot.Manifest, error) {
	if word != "latest" {
		return e.Catalog.FindPrefix(ctx, word)
	}
	m, _, err := latestSnapshot(ctx, e, s)
	return m, err
}

func latestSnapshot(ctx context.Context, e *engine.Engine, s Select) (*snapshot.Manifest, []SourceVersions, error) {
	all, damaged, err := e.Catalog.All(ctx)
	if err != nil {
		return nil, nil, err
	}
	if errors.Is(damaged, ErrNewerKey) {
		return nil, nil, damaged // it may be the latest
	}
	if m := s.newest(all); m != nil {
		return m, versionsOf(s.pick(all)), nil
	}
	return nil, nil, errors.Join(fmt.Errorf("%w%s", ErrNoSnapshot, s.text()), damaged)
}

func pinSnapshot(ctx context.Context, e *engine.Engine, id snapshot.ID, until time.Time) error {
	return e.Catalog.Annotate(ctx, id, func(m *catalog.Mark) {
		m.Pinned, m.Until = true, 0
		if !until.IsZero() {
			m.Until = until.Unix()
		}
	})
}

func unpinSnapshot(ctx context.Context, e *engine.Engine, id snapshot.ID) error {
	return e.Catalog.Annotate(ctx, id, func(m *catalog.Mark) { m.Pinned, m.Until = false, 0 })
}

func tagSnapshot(ctx context.Context, e *engine.Engine, id snapshot.ID, tags []string) error {
	return e.Catalog.Annotate(ctx, id, func(m *catalog.Mark) {
		m.Tagged, m.Tags = true, nil
		for _, tag := range sortedUnique(tags) {
			m.Tags = append(m.Tags, []byte(tag))
		}
	})
}

func sortedUnique(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}
