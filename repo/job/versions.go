package job

import (
	"context"
	"errors"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// within opens the repository of a profile for something that is no run.
func within(ctx context.Context, o Options, do func(*running) error) error {
	x, err := begin(o)
	if err != nil {
		return exit.As(err, exit.ErrUsage)
	}
	err = x.open(ctx)
	if err == nil {
		err = do(x)
	}
	return errors.Join(err, x.close(ctx))
}

// A ProfileUsage says how much the versions of a profile take.
type ProfileUsage struct {
	Profile  string
	Versions int
	Oldest   time.Time // when the oldest version ended
	Newest   time.Time // when the newest version ended
	Full     int64     // bytes, if each version were a full copy
	// Stored is what is in the versions and in no version of others that is older.
	Stored repo.Amount
}

// Usage returns how much the versions of a profile take on the profile's target. Of the
// options, those of a run have no effect.
func Usage(ctx context.Context, o Options) (u ProfileUsage, err error) {
	u.Profile = o.Profile.Name
	all, err := Trend(ctx, o)
	for _, g := range all {
		m := g.Snapshot
		u.Versions++
		u.Full += int64(m.Stats.Bytes)
		u.Stored = g.Total
		if u.Oldest.IsZero() || m.End.Before(u.Oldest) {
			u.Oldest = m.End
		}
		if m.End.After(u.Newest) {
			u.Newest = m.End
		}
	}
	return u, err
}

// Trend returns what each version of a profile has added to the repository, the oldest first.
// Of the options, those of a run have no effect.
func Trend(ctx context.Context, o Options) (all []repo.Growth, err error) {
	err = within(ctx, o, func(x *running) (err error) {
		all, err = x.repo.Catalog().Growth(ctx, x.filter())
		return err
	})
	return all, err
}

// CleanUpOptions say which versions stay: what either rule keeps. At least one is given.
type CleanUpOptions struct {
	// Keep is of how many of the newest slots a version stays. 0 is no rule.
	Keep int
	// Within is how much older than the newest version those are that stay. Zero is no rule.
	Within retention.Span
	// DryRun decides only.
	DryRun bool
}

// A CleanUpReport says what a clean-up has done, or would do.
type CleanUpReport struct {
	Kept      int
	Forgotten []snapshot.ID
	Pruned    repo.PruneReport
}

// CleanUp forgets versions of a profile by count and age, whatever the profile's own policy
// says, and deletes the data that no version needs any more. Pinned versions stay. Of the
// options, those of a run have no effect.
func CleanUp(ctx context.Context, o Options, c CleanUpOptions) (r CleanUpReport, err error) {
	policy := retention.Policy{KeepLast: c.Keep, KeepWithin: c.Within}
	if policy.IsZero() {
		return r, exit.As(errors.New("clean up: no rule says which versions stay: give a count or an age"), exit.ErrUsage)
	}
	if err := policy.Validate(); err != nil {
		return r, exit.As(err, exit.ErrUsage)
	}
	err = within(ctx, o, func(x *running) error {
		groups, err := x.repo.Retain(ctx, repo.RetainOptions{
			Policy: policy, Filter: x.filter(), Group: retention.Grouping{AnyPaths: true}, DryRun: c.DryRun,
		})
		if err != nil {
			return err
		}
		for _, g := range groups {
			for _, d := range g.Decisions {
				if d.Keep {
					r.Kept++
				} else {
					r.Forgotten = append(r.Forgotten, d.Manifest.ID)
				}
			}
		}
		prune := x.p.Prune.Options()
		if prune.DryRun = c.DryRun; c.DryRun {
			prune.Without = r.Forgotten
		}
		r.Pruned, err = x.repo.Prune(ctx, prune)
		return err
	})
	return r, err
}
