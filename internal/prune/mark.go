package prune

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// markAll marks as live what any manifest reaches that was not read yet. It lists pending
// manifests first: one that is published meanwhile is seen as pending or as published.
func (p *pruner) markAll(ctx context.Context) error {
	var manifests []*snapshot.Manifest
	for _, kind := range []object.Kind{object.Pending, object.Snapshots} {
		for info, err := range p.e.Store.List(ctx, kind) {
			if err != nil {
				return err
			}
			id, err := snapshot.ParseID(kind.Rest(info.Name))
			if err != nil || p.walked[id] || slices.Contains(p.o.Without, id) {
				continue
			}
			m, err := p.readManifest(ctx, info.Name, id)
			if err != nil {
				return err
			}
			if m != nil {
				p.walked[id] = true
				manifests = append(manifests, m)
			}
		}
	}
	groups := p.newestFirst(manifests)
	p.report.Snapshots += int64(len(manifests))
	for i, m := range manifests {
		p.progress(PhaseSnapshots, i, len(manifests))
		if err := p.mark(ctx, m); err != nil {
			return err
		}
		if i == groups-1 && p.newest == 0 {
			p.newest = uint32(p.live.len())
		}
	}
	return nil
}

// readManifest returns nil for a manifest that was forgotten, or a tombstone.
func (p *pruner) readManifest(ctx context.Context, name string, id snapshot.ID) (*snapshot.Manifest, error) {
	m, _, err := p.e.Catalog.ReadAs(ctx, name, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if damage, ok := errors.AsType[*object.DamageError](err); ok {
		return nil, unreadable(name, damage.Err)
	}
	if errors.Is(err, seal.ErrNoKey) {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return m, err
}

// newestFirst sorts snapshots, the newest first, so that blobs are repacked in the order in
// which it reaches them. The newest snapshot of each group (a host and its paths) comes
// before all others. It returns the number of groups.
func (p *pruner) newestFirst(manifests []*snapshot.Manifest) (groups int) {
	p.e.Catalog.Sort(manifests)
	slices.Reverse(manifests)
	older := map[*snapshot.Manifest]int{}
	all := (retention.Grouping{}).Group(manifests)
	for _, g := range all {
		for _, m := range g.Snapshots[1:] {
			older[m] = 1
		}
	}
	slices.SortStableFunc(manifests, func(a, b *snapshot.Manifest) int { return older[a] - older[b] })
	return len(all)
}

// mark marks as live what a snapshot reaches.
func (p *pruner) mark(ctx context.Context, m *snapshot.Manifest) error {
	err := snapshot.ReachAll(ctx, p.e.Blobs, m, func(id chunk.ID, tree bool) (bool, error) {
		return p.live.add(id, tree), ctx.Err()
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	err = unreadable("snapshot "+m.ID.Short(), err)
	for _, name := range []string{object.Pending.Name(m.ID), object.Snapshots.Name(m.ID)} {
		if _, e := p.e.Store.Stat(ctx, name); !errors.Is(e, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errVanished, err)
}
