package job

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/forecast"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// estimateDays is how far an estimate looks ahead.
const estimateDays = 30

// Estimate says what the next run of a profile will need, from a dry run, and what all runs
// of the next 30 days will, from the versions that there are. It reads what a run would read,
// and stores nothing.
func Estimate(ctx context.Context, o Options) (report.Estimate, error) {
	o.DryRun = true
	x, err := begin(o)
	if err != nil {
		return report.Estimate{}, exit.As(err, exit.ErrUsage)
	}
	err = x.step("snapshot", func() error { return x.rehearseSnapshot(ctx) })
	if x.taken == nil {
		return report.Estimate{}, errors.Join(err, x.close(ctx))
	}
	versions, listing := x.versions(ctx)
	err = errors.Join(err, listing, x.close(ctx))
	next := x.taken
	versions = slices.DeleteFunc(versions, func(m *snapshot.Manifest) bool { return !slices.Equal(m.Paths, next.Paths) })
	ahead, wrong := x.runsAhead(versions)
	f := forecast.Make(
		forecast.Past{Versions: versions, Next: next, Level: next.Level},
		forecast.Future{Runs: ahead, Span: estimateDays * 24 * time.Hour, Keep: x.p.Retention.KeepLast},
	)
	return x.estimated(f), errors.Join(err, wrong)
}

// estimated returns a forecast as it is reported.
func (x *running) estimated(f forecast.Forecast) report.Estimate {
	m := x.taken
	e := report.Estimate{
		Head: report.Head{MessageType: "estimate"}, Profile: x.p.Name, Host: x.host, Time: x.o.Now(), Level: m.Level.String(),
		Versions: f.From, Files: m.Stats.Files, Bytes: m.Stats.Bytes, Next: needed(f.Next), Days: estimateDays,
		Compressed: f.Compressed, Saved: f.Saved,
	}
	if f.From > 0 {
		e.Most = new(needed(f.Most))
	}
	if f.Spanned {
		e.Month, e.Grows = new(needed(f.Span)), &f.Grows
	}
	return e
}

func needed(n forecast.Need) report.Need {
	return report.Need{Runs: n.Runs, Read: n.Read, New: n.New, Stored: n.Stored, Verified: n.Verified, Seconds: n.Time.Seconds()}
}

// runsAhead returns how many runs of each level the schedule has in the days ahead. Without a
// schedule, runs go on as often as the versions were made.
func (x *running) runsAhead(versions []*snapshot.Manifest) (runs map[snapshot.Level]int, err error) {
	runs = map[snapshot.Level]int{}
	now := x.o.Now()
	end := now.Add(estimateDays * 24 * time.Hour)
	if x.schedule.IsZero() {
		if n := len(versions); n > 1 {
			if every := versions[n-1].End.Sub(versions[0].End) / time.Duration(n-1); every > 0 {
				runs[snapshot.LevelIncremental] = int(end.Sub(now) / every)
			}
		}
		return runs, nil
	}
	full, differential := lastLevels(versions)
	for slot := x.schedule.Next(now); !slot.IsZero() && !slot.After(end); slot = x.schedule.Next(slot) {
		level, err := levelAt(x.p, x.levels, slot, full, differential)
		if err != nil {
			return nil, exit.As(err, exit.ErrUsage)
		}
		switch level {
		case snapshot.LevelFull:
			full = slot
		case snapshot.LevelDifferential:
			differential = slot
		}
		runs[level]++
	}
	return runs, nil
}
