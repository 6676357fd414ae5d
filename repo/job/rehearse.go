package job

import (
	"context"
	"errors"
	"fmt"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// rehearse finds out what a run would do: it stores and deletes nothing, and runs no hook.
func (x *running) rehearse(ctx context.Context) (report.Run, error) {
	if why := x.skip(); why != "" {
		x.record.Skipped, x.record.Ended = why, x.o.Now()
		return x.record, nil
	}
	err := x.step("snapshot", func() error { return x.rehearseSnapshot(ctx) })
	var gone []snapshot.ID
	if x.taken != nil && x.taken.Good() && ctx.Err() == nil {
		err = errors.Join(err, x.rehearseRetention(ctx, &gone))
	}
	if len(gone) > 0 && ctx.Err() == nil {
		err = errors.Join(err, x.step("prune", func() error {
			o := x.p.Prune.Options()
			o.DryRun, o.Without, o.Progress = true, gone, x.update
			r, err := x.repo.Prune(ctx, o)
			x.record.Pruned = &report.RunPruned{Deleted: uint64(r.RemovedBytes), Repacked: uint64(r.RepackedBytes), Left: uint64(r.UnusedBytes)}
			return err
		}))
	}
	err = errors.Join(err, x.close(ctx))
	if ctx.Err() != nil {
		err = exit.As(errors.New("interrupted"), exit.ErrInterrupted)
	}
	x.judge(err)
	return x.record, err
}

func (x *running) rehearseSnapshot(ctx context.Context) error {
	if err := x.open(ctx); err != nil {
		return err
	}
	o, err := x.p.SnapshotOptions(ctx)
	if err != nil {
		return exit.As(fmt.Errorf("profile %s: %w", x.p.Name, err), exit.ErrUsage)
	}
	versions, err := x.versions(ctx)
	if err == nil {
		err = x.settings(&o, versions)
	}
	if err != nil {
		return err
	}
	var cost repo.Cost
	o.DryRun = &cost
	m, err := x.repo.Snapshot(ctx, repo.Paths(x.p.NamedPaths()...), o)
	none, end := exit.OfSnapshot(m, err)
	if none != nil {
		return none
	}
	x.taken, x.record.Level, x.record.Snapshot = m, m.Level.String(), takenOf(m)
	return end
}

// rehearseRetention decides which versions would be forgotten. The version that would be new
// is not counted.
func (x *running) rehearseRetention(ctx context.Context, gone *[]snapshot.ID) error {
	policy, err := x.p.Retention.Policy()
	if err != nil || policy.IsZero() {
		return err
	}
	return x.step("retention", func() error {
		o, err := x.retainOptions(policy)
		if err != nil {
			return err
		}
		groups, err := x.repo.Retain(ctx, o)
		x.record.Retained = keptOf(groups, x.p.Retention.KeepLast, err == nil)
		for _, g := range groups {
			for _, d := range g.Decisions {
				if !d.Keep {
					*gone = append(*gone, d.Manifest.ID)
				}
			}
		}
		return err
	})
}
