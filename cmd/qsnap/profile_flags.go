package main

import (
	"fmt"
	"strconv"

	"github.com/qsnap/qsnap/repo/job/profile"
)

// The values that flags have because of a profile. What isn't set has none.

func text(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// textOf returns a value that may be zero, unless it is nil.
func textOf[T fmt.Stringer](v *T) []string {
	if v == nil {
		return nil
	}
	return []string{(*v).String()}
}

func yes(set bool) []string {
	if !set {
		return nil
	}
	return []string{"true"}
}

func number(n int) []string {
	if n == 0 {
		return nil
	}
	return []string{strconv.Itoa(n)}
}

func duration(d profile.Duration) []string {
	if d == 0 {
		return nil
	}
	return []string{d.String()}
}

func names(paths []profile.Path) (out []string) {
	for _, path := range paths {
		out = append(out, string(path))
	}
	return out
}

// takingFlags are those of "qsnap snapshot".
func takingFlags(p profile.Profile) map[string][]string {
	v := map[string][]string{
		"tag": p.Tags, "host": text(p.Host), "level": text(p.Level), "parent": text(p.Parent), "compression": text(p.Compression),
		"exclude": p.Exclude, "exclude-file": names(p.ExcludeFile), "ignore-file": p.IgnoreFile, "exclude-caches": yes(p.ExcludeCaches),
		"one-file-system": yes(p.OneFileSystem), "force": yes(p.Force), "ignore-ctime": yes(p.IgnoreCTime), "ignore-inode": yes(p.IgnoreInode),
		"verbose": yes(p.Verbose),
	}
	if p.ExcludeLargerThan > 0 {
		v["exclude-larger-than"] = text(p.ExcludeLargerThan.String())
	}
	return v
}

// keepingFlags are those of "qsnap forget" that say which snapshots stay.
func keepingFlags(r profile.Retention) map[string][]string {
	v := map[string][]string{
		"keep-last": number(r.KeepLast), "keep-hourly": number(r.KeepHourly), "keep-daily": number(r.KeepDaily), "keep-weekly": number(r.KeepWeekly),
		"keep-monthly": number(r.KeepMonthly), "keep-yearly": number(r.KeepYearly), "keep-within": text(r.KeepWithin), "keep-tag": r.KeepTag,
		"group-by": {"host,profile"}, "path": names(r.Path), "tag": r.Tag, "kind": r.Kind, "installation": text(r.Installation),
	}
	if r.KeepExtra != nil {
		v["keep-extra"] = []string{strconv.Itoa(*r.KeepExtra)}
	}
	if r.GroupBy != nil {
		v["group-by"] = []string{*r.GroupBy}
	}
	return v
}

// pruningFlags are those of "qsnap prune".
func pruningFlags(p profile.Prune) map[string][]string {
	return map[string][]string{
		"max-unused": textOf(p.MaxUnused), "max-repack-size": textOf(p.MaxRepackSize), "time-budget": duration(p.TimeBudget),
		"drop-pending": p.DropPending, "wait": duration(p.Wait),
	}
}

// checkingFlags are those of "qsnap check".
func checkingFlags(v profile.Verify) map[string][]string {
	return map[string][]string{"read-data": yes(v.ReadData), "read-data-subset": text(v.ReadDataSubset), "no-key": yes(v.NoKey)}
}
