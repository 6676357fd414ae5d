package prune

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
)

// tidy removes what dead runs have left: their leases, the quarantine of packs that are
// gone, the records of forgotten snapshots that can't come back, and the marks of these.
func (p *pruner) tidy(ctx context.Context) error {
	if err := p.e.Store.KeepReserve(ctx, p.e.Sealer, p.e.Rand); err != nil {
		return err
	}
	for _, l := range p.liveness.Dead() {
		if p.liveness.IsResumable(l.Run) {
			continue
		}
		if err := p.e.Store.Remove(ctx, l.Name); err != nil {
			return err
		}
	}
	if err := p.e.Runs.RemoveReplaced(ctx); err != nil {
		return err
	}
	if err := p.releaseGone(ctx); err != nil {
		return err
	}
	if p.report.WaitingPacks > 0 {
		return nil // forgotten snapshots can still come back
	}
	return p.removeRecords(ctx)
}

// releaseGone takes packs that are gone out of every quarantine.
func (p *pruner) releaseGone(ctx context.Context) error {
	quarantine, err := p.e.Runs.Quarantined(ctx)
	if err != nil || len(quarantine) == 0 {
		return err
	}
	there, err := p.e.Blobs.Packs(ctx)
	if err != nil {
		return err
	}
	for _, id := range slices.SortedFunc(maps.Keys(quarantine), object.Compare) {
		if _, ok := there[id]; ok {
			continue
		}
		for _, run := range quarantine[id] {
			if err := p.e.Runs.Release(ctx, id, run); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeRecords removes the records of forgotten snapshots, except those that a snapshot
// which is there follows: they tell check that the forgotten one isn't lost. It removes the
// marks of snapshots that are neither, too.
func (p *pruner) removeRecords(ctx context.Context) error {
	if err := p.liveness.Refresh(ctx); err != nil {
		return err
	}
	if p.liveness.Writers() > 0 {
		return nil // one of them may be about to publish a snapshot that follows a forgotten one
	}
	all, err := p.e.Catalog.List(ctx)
	if err != nil {
		return err
	}
	needed := map[snapshot.ID]bool{}
	for _, l := range all {
		m, err := p.e.Catalog.Manifest(ctx, l)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		needed[l.ID] = true
		needed[m.Previous] = true
	}
	for _, kind := range []object.Kind{object.Forgotten, object.Marks} {
		for info, err := range p.e.Store.List(ctx, kind) {
			if err != nil {
				return err
			}
			name, _, _ := strings.Cut(kind.Rest(info.Name), "-")
			id, err := snapshot.ParseID(name)
			if err != nil || needed[id] {
				continue
			}
			if err := p.e.Store.Remove(ctx, info.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
