package profile

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/patternfile"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// zone returns the schedule's time zone; nil is the machine's.
func (s Schedule) zone() (*time.Location, error) {
	if s.Zone == "" {
		return nil, nil
	}
	return time.LoadLocation(s.Zone)
}

// Due returns when runs are due. It is never if neither Every nor Cron is set.
func (s Schedule) Due() (calendar.Schedule, error) {
	zone, err := s.zone()
	switch {
	case err != nil:
		return calendar.Schedule{}, err
	case s.Cron != "":
		return calendar.Cron(s.Cron, zone)
	case s.Every != 0:
		return calendar.Every(time.Duration(s.Every))
	}
	return calendar.Schedule{}, nil
}

// After returns how long after a slot of Due a run of a profile is due on a host: as long as
// the calendar says, or less than Jitter if that is set.
func (s Schedule) After(due calendar.Schedule, host, profile string) time.Duration {
	if s.Jitter != nil {
		return due.JitterWithin(time.Duration(*s.Jitter), host, profile)
	}
	return due.Jitter(host, profile)
}

// Levels returns at which levels runs are taken.
func (s Schedule) Levels() (l calendar.Levels, err error) {
	zone, err := s.zone()
	if err == nil && s.Full != "" {
		l.Full, err = calendar.ParseRecurrence(s.Full, zone)
	}
	if err == nil && s.Differential != "" {
		l.Differential, err = calendar.ParseRecurrence(s.Differential, zone)
	}
	return l, err
}

// OverdueAfter returns the age from which the last good version counts as overdue: Overdue,
// or else twice the interval of the schedule. It is 0 if nothing says when a version is due.
func (p Profile) OverdueAfter(now time.Time) time.Duration {
	if p.Overdue > 0 {
		return time.Duration(p.Overdue)
	}
	due, err := p.Schedule.Due()
	if err != nil {
		return 0
	}
	return 2 * due.Interval(now)
}

// Policy returns which versions stay.
func (r Retention) Policy() (retention.Policy, error) {
	p := retention.Policy{
		KeepLast: r.KeepLast, KeepExtra: r.KeepExtra, KeepHourly: r.KeepHourly, KeepDaily: r.KeepDaily,
		KeepWeekly: r.KeepWeekly, KeepMonthly: r.KeepMonthly, KeepYearly: r.KeepYearly, KeepTags: r.KeepTag,
	}
	if r.KeepWithin != "" {
		var err error
		if p.KeepWithin, err = retention.ParseSpan(r.KeepWithin); err != nil {
			return p, fmt.Errorf("keep-within: %w", err)
		}
	}
	return p, p.Validate()
}

// SnapshotOptions returns how the profile's versions are taken. It reads the files of
// patterns. Neither Job nor Parent is set, nor Level.
func (p Profile) SnapshotOptions(ctx context.Context) (repo.SnapshotOptions, error) {
	o := repo.SnapshotOptions{
		Hostname: p.Host, Tags: p.Tags, ReadAll: p.Force, IgnoreCTime: p.IgnoreCTime, IgnoreInode: p.IgnoreInode,
		Exclude: p.Exclude, IgnoreFiles: p.IgnoreFile, OneFileSystem: p.OneFileSystem, SkipCaches: p.ExcludeCaches,
	}
	if limit := int64(p.ExcludeLargerThan); limit > 0 {
		o.MaxFileSize = &limit
	}
	o.MayBeEmpty, o.AcceptUnread = p.MayBeEmpty(), p.AcceptUnread
	if p.Compression != "" {
		var err error
		if o.Compression, err = repo.ParseCompression(p.Compression); err != nil {
			return o, err
		}
	}
	for _, name := range p.ExcludeFile {
		rules, err := patternfile.Read(ctx, string(name))
		if err != nil {
			return o, fmt.Errorf("exclude-file: %w", err)
		}
		o.ExcludeRules = append(o.ExcludeRules, rules...)
	}
	return o, nil
}

// MayBeEmpty returns the paths of the sources that may be empty.
func (p Profile) MayBeEmpty() (paths []string) {
	for _, s := range p.Sources {
		if s.MayBeEmpty {
			paths = append(paths, string(s.Path))
		}
	}
	return paths
}

// NamedPaths returns the paths of all sources, as they are written. A version is taken of
// these: a path that lies in another one may lead out of it, through a symbolic link.
func (p Profile) NamedPaths() (paths []string) {
	for _, s := range p.Sources {
		paths = append(paths, string(s.Path))
	}
	return paths
}

// Paths returns the paths of the sources as a manifest has them: sorted, without those that
// lie in others, and with the destination of one that leads out of another through a symbolic
// link.
func (p Profile) Paths() []string { return source.Recorded(p.NamedPaths()) }

// Options returns how space is reclaimed. DropPending has ids as a person writes them, and is
// not among the options.
func (p Prune) Options() repo.PruneOptions {
	o := repo.PruneOptions{Wait: time.Duration(p.Wait)}
	if p.MaxUnused != nil {
		o.MaxUnused = new(float64(*p.MaxUnused))
	}
	if p.MaxRepackSize != nil && *p.MaxRepackSize > 0 {
		o.MaxRepack = new(int64(*p.MaxRepackSize))
	}
	if p.TimeBudget > 0 {
		o.Budget = new(time.Duration(p.TimeBudget))
	}
	return o
}

// everySlices is in how many days all data is read unless the profile says something else.
const everySlices = 30

// Options returns what a day's verification reads, and names it, such as 3/30.
func (v Verify) Options(day time.Time) (o repo.CheckOptions, slice string) {
	slices := v.Slices
	if slices == 0 {
		slices = everySlices
	}
	switch {
	case v.ReadData:
		return repo.CheckOptions{ReadData: true}, "all"
	case v.ReadDataSubset != "":
		o.ReadData = true
		if part, ok := percent(v.ReadDataSubset); ok {
			o.Percent = math.Round(part*1e10) / 1e8
		} else {
			fmt.Sscanf(v.ReadDataSubset, "%d/%d", &o.Part, &o.Of)
		}
		return o, v.ReadDataSubset
	case slices < 0:
		return o, ""
	}
	number := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
	o = repo.CheckOptions{ReadData: true, Part: int(number%int64(slices)) + 1, Of: slices}
	return o, fmt.Sprintf("%d/%d", o.Part, o.Of)
}

// Hostname returns the host that versions are recorded under: the profile's, $QSNAP_HOST, or
// the machine's name.
func (p Profile) Hostname(getenv func(string) string, machine string) string {
	for _, name := range []string{p.Host, strings.TrimSpace(getenv("QSNAP_HOST"))} {
		if name != "" {
			return name
		}
	}
	return machine
}
