package job

import (
	"context"
	"slices"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/series"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// defaultSince is where a report begins.
const defaultSince = 7 * 24 * time.Hour

// Statistics says how well the profiles have kept what was promised: on time, versions,
// sizes, restores, verifications and cost, from the records of this host and from what the
// repositories answer. One that gives no answer is named, and is no error.
func Statistics(ctx context.Context, o LookOptions) (report.HostReport, error) {
	l, err := newLooker(o)
	if err != nil {
		return report.HostReport{}, exit.As(err, exit.ErrUsage)
	}
	plans, err := l.plans()
	if err != nil {
		return report.HostReport{}, err
	}
	l.ask(ctx, true)
	if ctx.Err() != nil {
		return report.HostReport{}, ErrInterrupted
	}
	k := history.Known{Now: l.now, Since: o.Since, Host: l.hostname(), Lives: l.lives()}
	if k.Since.IsZero() {
		k.Since = l.now.Add(-defaultSince)
	}
	from := earliest(plans, k.Since, l.now)
	runs, unreadable := l.records(history.Filter{Since: from})
	k.Unreadable = unreadable
	for _, plan := range plans {
		before, _ := l.records(history.Filter{Profile: plan.Profile, Until: from, Last: lookBefore})
		p := history.Profile{Plan: plan, Look: l.looks[plan.Profile], Runs: before}
		for _, r := range runs {
			if r.Profile == plan.Profile {
				p.Runs = append(p.Runs, r)
			}
		}
		k.Profiles = append(k.Profiles, p)
		if !slices.ContainsFunc(k.Stores, func(s history.Store) bool { return s.Location == plan.Repository }) {
			k.Stores = append(k.Stores, l.store(plan.Repository))
		}
	}
	for _, r := range runs {
		if !named(o.Profiles, r.Profile) {
			k.Others = append(k.Others, r)
		}
	}
	k.Silent = l.silent()
	out := history.Review(k)
	if i := l.dir.Installation(); !i.IsZero() {
		out.Installation = i.String()
	}
	return out, nil
}

// A report reads at least a month of the history, for growth, all slots that it shows, and
// some runs from before, so that a profile that has not run since is known to have run.
const (
	growthSpan = 30 * 24 * time.Hour
	lookBefore = 20
)

// earliest returns from when on runs are read.
func earliest(plans []history.Plan, since, now time.Time) time.Time {
	from := now.Add(-growthSpan)
	if since.Before(from) {
		from = since
	}
	for _, p := range plans {
		if first := history.FirstSlot(p, now); first.Before(from) {
			from = first
		}
	}
	return from
}

// store returns what is known of a repository.
func (l *looker) store(location string) history.Store {
	if s, ok := l.stores[location]; ok {
		return s
	}
	return history.Store{Location: location}
}

// measure counts what a repository stores, and lists all its versions.
func (l *looker) measure(ctx context.Context, r *connect.Repo, location string) (store history.Store, all []*snapshot.Manifest, err error) {
	all, err = r.Snapshots(ctx, repo.Filter{})
	if err != nil {
		return store, nil, err
	}
	s, err := r.Stats(ctx)
	if err != nil {
		return store, nil, err
	}
	store = history.Store{
		Location: location, Asked: true, Versions: s.Snapshots, Full: uint64(s.Bytes), Unique: uint64(s.ChunkBytes + s.TreeBytes),
		Packed: uint64(s.PackBytes), Stored: uint64(s.Stored()),
	}
	if space, ok := target.As[target.SpaceReporter](r.Conn.Target); ok {
		if free, _, err := space.Space(ctx); err == nil && free > 0 {
			store.Free = uint64(free)
		}
	}
	return store, all, nil
}

// silent returns the hosts that have made no version for long.
func (l *looker) silent() (out []report.SilentHost) {
	for _, all := range l.all {
		for _, s := range series.Silent(all, l.now, series.SilentAfter) {
			h := report.SilentHost{Host: s.Hostname, Newest: s.Last, Next: s.ForgetLine()}
			if !slices.Contains(out, h) {
				out = append(out, h)
			}
		}
	}
	slices.SortFunc(out, func(a, b report.SilentHost) int { return a.Newest.Compare(b.Newest) })
	return out
}
