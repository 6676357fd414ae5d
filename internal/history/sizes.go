package history

import (
	"cmp"
	"slices"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// A Store is what is known of a repository.
type Store struct {
	Location string
	Asked    bool   // the rest is known
	Versions int    // of all profiles
	Full     uint64 // what full copies of all versions would take
	Unique   uint64 // what is left after deduplication
	Packed   uint64 // what is left of that after compression
	Stored   uint64 // all objects
	Free     uint64 // on its target; 0: not known
}

// maxSizes is how many sizes a report has.
const maxSizes = 200

// Sizes says how much a repository stores and how that grows, from what it answered and from
// the records of its runs, the newest last.
func Sizes(s Store, runs []report.Run, now time.Time) report.RepositoryReport {
	r := report.RepositoryReport{Location: s.Location, SavedGoal: savedGoal, Free: s.Free}
	for _, run := range runs {
		if run.Repository != s.Location {
			continue
		}
		if run.Op == report.TheJob && !slices.Contains(r.Profiles, run.Profile) {
			r.Profiles = append(r.Profiles, run.Profile)
		}
		if run.Space != nil {
			r.Sizes = append(r.Sizes, report.SizeReport{Time: run.Ended, Stored: run.Space.Stored})
			r.Stored = run.Space.Stored
			if !s.Asked {
				r.Free = run.Space.Free
			}
		}
	}
	if s.Asked {
		r.Versions, r.FullBytes, r.UniqueBytes, r.Stored = s.Versions, s.Full, s.Unique, s.Stored
		r.Sizes = append(r.Sizes, report.SizeReport{Time: now, Stored: s.Stored})
		r.Saved, r.Dedup, r.Compression = saved(s.Full, s.Stored), saved(s.Full, s.Unique), saved(s.Unique, s.Packed)
	}
	if len(r.Sizes) < 2 {
		r.Sizes = derived(r.Stored, runs, s.Location, now)
	}
	slices.Sort(r.Profiles)
	r.Sizes = thinned(r.Sizes, maxSizes)
	r.PerDay = perDay(r.Sizes)
	r.FullOn = fullOn(r.PerDay, r.Free, now)
	return r
}

// derived returns how large a repository was, from how large it is now and from what its runs
// have stored and deleted since. Runs of other hosts are not known.
func derived(stored uint64, runs []report.Run, location string, now time.Time) (sizes []report.SizeReport) {
	if stored == 0 {
		return nil
	}
	sizes = append(sizes, report.SizeReport{Time: now, Stored: stored})
	for _, r := range slices.Backward(runs) {
		if r.Repository != location || r.Op != report.TheJob || r.Ended.IsZero() || r.Ended.After(now) {
			continue
		}
		sizes = append(sizes, report.SizeReport{Time: r.Ended, Stored: stored})
		if r.Pruned != nil {
			stored += r.Pruned.Deleted
		}
		if r.Snapshot != nil {
			stored -= min(stored, r.Snapshot.Stored)
		}
	}
	slices.Reverse(sizes)
	return sizes
}

// saved returns which part of some bytes is not needed.
func saved(before, after uint64) float64 {
	if before == 0 {
		return 0
	}
	return 1 - float64(after)/float64(before)
}

// thinned returns at most n sizes, evenly chosen, with the newest.
func thinned(sizes []report.SizeReport, n int) (out []report.SizeReport) {
	if len(sizes) <= n {
		return sizes
	}
	for i := range n {
		out = append(out, sizes[(i+1)*len(sizes)/n-1])
	}
	return out
}

// perDay returns by how many bytes a repository grows in a day: the median of the slopes
// between all pairs of sizes (the estimator of Theil and Sen), which a single large prune or
// a single large import doesn't change. Less than a day tells nothing.
func perDay(sizes []report.SizeReport) float64 {
	if len(sizes) < 2 || sizes[len(sizes)-1].Time.Sub(sizes[0].Time) < 24*time.Hour {
		return 0
	}
	var slopes []float64
	for i, a := range sizes {
		for _, b := range sizes[i+1:] {
			if days := b.Time.Sub(a.Time).Hours() / 24; days > 0 {
				slopes = append(slopes, (float64(b.Stored)-float64(a.Stored))/days)
			}
		}
	}
	return median(slopes)
}

// horizon is how far a forecast goes.
const horizon = 10 * 365 * 24 * time.Hour

// fullOn returns when the free space is used up, or the zero time.
func fullOn(perDay float64, free uint64, now time.Time) time.Time {
	if perDay <= 0 || free == 0 {
		return time.Time{}
	}
	days := float64(free) / perDay
	if days > horizon.Hours()/24 {
		return time.Time{}
	}
	return now.Add(time.Duration(days * 24 * float64(time.Hour))).Truncate(time.Hour)
}

// median returns the middle of some values, or 0.
func median[T cmp.Ordered](values []T) (m T) {
	if len(values) == 0 {
		return m
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// at returns the value that a part of the values doesn't exceed.
func at(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(len(values)-1, int(part*float64(len(values))))]
}

// Restores says how restores went.
func Restores(runs []report.Run) report.RestoreReport {
	r := report.RestoreReport{Success: succeeded(runs, report.ARestore), Goal: restoreGoal.Seconds()}
	var files, done []float64
	inTime := 0
	for _, run := range runs {
		if run.Op != report.ARestore || run.Restored == nil || run.Code != 0 {
			continue
		}
		if run.Restored.FirstFile > 0 {
			files = append(files, run.Restored.FirstFile)
		}
		done = append(done, run.Restored.Done)
		if run.Restored.Done <= restoreGoal.Seconds() {
			inTime++
		}
	}
	r.InTime = promised(inTime, len(done), wholeGoal, nil)
	r.FirstFile = report.Times{Median: median(files), Max: at(files, 1)}
	r.Done = report.Times{Median: median(done), Max: at(done, 1)}
	return r
}

// overBy is by how much a mean may exceed its budget: the budget is held within 2 points.
const overBy = 0.02

// Cost compares what runs took of the machine with their budget: means are weighted by how
// long the runs took, the 95th percentile is that of the worst run, the hour the busiest one
// for processors and for disks, each by itself. It is nil if no run was
// measured.
func Cost(runs []report.Run) *report.CostReport {
	c := &report.CostReport{}
	var took []float64
	whole := 0.0
	for _, r := range jobs(runs) {
		if r.Cost == nil {
			continue
		}
		seconds := max(r.Ended.Sub(r.Started).Seconds(), 0.001)
		took = append(took, seconds)
		whole += seconds
		c.Runs++
		c.Seconds += r.Cost.Seconds
		c.DiskBytes += r.Cost.DiskBytes
		if h := r.Cost.Hour; h != nil {
			c.Hour.CPU, c.Hour.IO = max(c.Hour.CPU, h.CPU), max(c.Hour.IO, h.IO)
		}
		isOver := false
		for _, u := range []struct {
			sum *report.Use
			use report.Use
		}{{&c.CPU, r.Cost.CPU}, {&c.IO, r.Cost.IO}, {&c.Memory, r.Cost.Memory}} {
			u.sum.Mean += u.use.Mean * seconds
			u.sum.P95, u.sum.Max, u.sum.Budget = max(u.sum.P95, u.use.P95), max(u.sum.Max, u.use.Max), u.use.Budget
			isOver = isOver || u.use.Budget > 0 && u.use.Mean > u.use.Budget+overBy
		}
		if isOver {
			c.Over++
		}
	}
	if c.Runs == 0 {
		return nil
	}
	for _, u := range []*report.Use{&c.CPU, &c.IO, &c.Memory} {
		u.Mean /= whole
	}
	c.Duration, c.DurationUp = median(took), at(took, 0.95)
	return c
}
