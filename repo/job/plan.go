package job

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/qsnap/qsnap/internal/patternfile"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// Schedule returns when a profile is due, and at which levels. The schedule is zero if the
// profile has none.
func Schedule(p profile.Profile) (s calendar.Schedule, l calendar.Levels, err error) {
	zone := time.Local
	if p.Schedule.Zone != "" {
		if zone, err = time.LoadLocation(p.Schedule.Zone); err != nil {
			return s, l, fmt.Errorf("profile %s: schedule.zone: %w", p.Name, err)
		}
	}
	switch {
	case p.Schedule.Cron != "":
		s, err = calendar.Cron(p.Schedule.Cron, zone)
	case p.Schedule.Every > 0:
		s, err = calendar.Every(time.Duration(p.Schedule.Every))
	}
	if err != nil {
		return s, l, fmt.Errorf("profile %s: schedule: %w", p.Name, err)
	}
	for _, r := range []struct {
		key, text string
		to        *calendar.Recurrence
	}{{"full", p.Schedule.Full, &l.Full}, {"differential", p.Schedule.Differential, &l.Differential}} {
		if r.text == "" {
			continue
		}
		if *r.to, err = calendar.ParseRecurrence(r.text, zone); err != nil {
			return s, l, fmt.Errorf("profile %s: schedule.%s: %w", p.Name, r.key, err)
		}
	}
	return s, l, nil
}

// Host returns the host whose versions are those of a profile: the profile's, $QSNAP_HOST, or
// the name of this machine.
func Host(p profile.Profile, getenv func(string) string) string {
	if p.Host != "" {
		return p.Host
	}
	if name := getenv("QSNAP_HOST"); name != "" {
		return name
	}
	name, _ := os.Hostname()
	return name
}

// sourcesOf returns the paths of the sources.
func sourcesOf(p profile.Profile) (paths []string) {
	for _, s := range p.Sources {
		paths = append(paths, string(s.Path))
	}
	return paths
}

// snapshotOptions returns how the versions of a profile are taken.
func snapshotOptions(ctx context.Context, p profile.Profile) (o repo.SnapshotOptions, err error) {
	o = repo.SnapshotOptions{
		Tags: p.Tags, Exclude: p.Exclude, IgnoreFiles: p.IgnoreFile, SkipCaches: p.ExcludeCaches, OneFileSystem: p.OneFileSystem,
		ReadAll: p.Force, IgnoreCTime: p.IgnoreCTime, IgnoreInode: p.IgnoreInode,
	}
	if p.ExcludeLargerThan > 0 {
		o.MaxFileSize = new(int64(p.ExcludeLargerThan))
	}
	if p.Compression != "" {
		if o.Compression, err = repo.ParseCompression(p.Compression); err != nil {
			return o, fmt.Errorf("profile %s: compression: %w", p.Name, err)
		}
	}
	for _, name := range p.ExcludeFile {
		rules, err := patternfile.Read(ctx, string(name))
		if err != nil {
			return o, fmt.Errorf("profile %s: exclude-file: %w", p.Name, err)
		}
		o.ExcludeRules = append(o.ExcludeRules, rules...)
	}
	return o, nil
}

// policyOf returns the policy of a profile. It is zero if there is none.
func policyOf(r profile.Retention) (p retention.Policy, err error) {
	p = retention.Policy{
		KeepLast: r.KeepLast, KeepHourly: r.KeepHourly, KeepDaily: r.KeepDaily, KeepWeekly: r.KeepWeekly,
		KeepMonthly: r.KeepMonthly, KeepYearly: r.KeepYearly, KeepTags: r.KeepTag, KeepExtra: r.KeepExtra,
	}
	if r.KeepWithin != "" {
		if p.KeepWithin, err = retention.ParseSpan(r.KeepWithin); err != nil {
			return p, fmt.Errorf("retention.keep-within: %w", err)
		}
	}
	return p, p.Validate()
}

// levelOf returns the level of a run for a slot, from the versions that there are.
func levelOf(p profile.Profile, levels calendar.Levels, slot time.Time, versions []*snapshot.Manifest) (snapshot.Level, error) {
	var full, differential time.Time
	for _, m := range versions {
		at := m.Job.Slot
		if at.IsZero() {
			at = m.Start
		}
		switch {
		case !m.Good():
		case m.Level == snapshot.LevelFull && at.After(full):
			full = at
		case m.Level == snapshot.LevelDifferential && at.After(differential):
			differential = at
		}
	}
	if l := levels.At(slot, full, differential); l != snapshot.LevelIncremental || p.Level == "" {
		return l, nil
	}
	return snapshot.ParseLevel(p.Level)
}
