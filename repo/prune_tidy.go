package repo

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/snapshot"
)

// tidy removes what the dead have left: their leases, quarantine of packs that are
// gone, records of what was forgotten and can't come back, and marks of these.
func (p *pruner) tidy(ctx context.Context) error {
	if err := p.r.keepReserve(ctx); err != nil {
		return err
	}
	for _, l := range p.judge.dead {
		if p.judge.kept[l.run] {
			continue
		}
		if err := p.discard(ctx, l.name); err != nil {
			return err
		}
	}
	if err := p.oldLeases(ctx); err != nil {
		return err
	}
	quarantine, err := p.r.quarantined(ctx)
	if err != nil {
		return err
	}
	if len(quarantine) > 0 {
		there, err := p.r.packsThere(ctx)
		if err != nil {
			return err
		}
		for _, id := range slices.SortedFunc(maps.Keys(quarantine), compareIDs) {
			runs := quarantine[id]
			if _, ok := there[id]; ok {
				continue
			}
			for _, run := range runs {
				if err := p.r.releasePack(ctx, id, run); err != nil {
					return err
				}
			}
		}
	}
	if p.report.WaitingPacks > 0 {
		return nil // what was forgotten can still come back
	}
	return p.forgetForgotten(ctx)
}

// discard removes an object that may be gone.
func (p *pruner) discard(ctx context.Context, name string) error {
	if err := p.r.target.Delete(ctx, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// oldLeases removes the leases that newer ones of the same run have replaced.
func (p *pruner) oldLeases(ctx context.Context) error {
	newest, err := p.r.leases(ctx)
	if err != nil {
		return err
	}
	for info, err := range p.r.target.List(ctx, leasesPrefix) {
		if err != nil {
			return err
		}
		if l, ok := parseLeaseName(info.Name); ok && l.beat < newest[l.run].beat {
			if err := p.discard(ctx, info.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetForgotten removes the records of forgotten snapshots, but for those that
// standing ones follow: check tells by them that these aren't lost. The marks of
// snapshots that are neither go with them.
func (p *pruner) forgetForgotten(ctx context.Context) error {
	if err := p.judge.look(ctx); err != nil {
		return err
	}
	if p.judge.writers() > 0 {
		return nil // one of them may be about to publish what follows a forgotten one
	}
	all, err := p.r.listSnapshots(ctx)
	if err != nil {
		return err
	}
	needed := map[snapshot.ID]bool{}
	for _, l := range all {
		m, err := p.r.manifest(ctx, l)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		needed[l.id] = true
		needed[m.Previous] = true
	}
	for _, prefix := range []string{forgottenPrefix, marksPrefix} {
		for info, err := range p.r.target.List(ctx, prefix) {
			if err != nil {
				return err
			}
			name, _, _ := strings.Cut(strings.TrimPrefix(info.Name, prefix), "-")
			id, err := snapshot.ParseID(name)
			if err != nil || needed[id] {
				continue
			}
			if err := p.discard(ctx, info.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
