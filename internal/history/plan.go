package history

import (
	"slices"
	"time"

	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// A Calendar tells when a schedule is due.
type Calendar interface {
	Next(after time.Time) time.Time // the first slot after
	Slot(at time.Time) time.Time    // the newest slot ≤ at
}

// A Plan is what a profile promises.
type Plan struct {
	Profile    string
	Repository string
	Schedule   string        // as the records of its runs have it
	Calendar   Calendar      // nil: it has no schedule
	Jitter     time.Duration // a run is due so long after its slot
	Wanted     int           // slots of which a version is kept; 0: nothing is promised
	Paused     bool
	Overdue    time.Duration // the age of the last good version that is too old; 0: nothing is promised
}

// A Look is what a profile's repository answered. Its zero value means that nobody asked.
type Look struct {
	Asked    bool
	Err      error                // why there is no answer
	Versions []*snapshot.Manifest // of the profile
}

// answered reports whether the versions are known from the repository.
func (l Look) answered() bool { return l.Asked && l.Err == nil }

// Goals.
const (
	onTimeGoal  = 0.999
	successGoal = 0.999
	wholeGoal   = 1.0
	savedGoal   = 0.6
	restoreGoal = 5 * time.Minute
	grace       = time.Minute // a run that starts so long after it was due is on time
)

// futureSlack is by how much the clocks of two machines may differ. What ended later than
// that counts for nothing: the clock that wrote it was wrong, or was set back since.
const futureSlack = 5 * time.Minute

// jobs returns the runs that did the job of their profile, and had to.
func jobs(runs []report.Run) []report.Run {
	return slices.DeleteFunc(slices.Clone(runs), func(r report.Run) bool {
		return r.Op != report.TheJob || r.Skipped != "" || r.Ended.IsZero()
	})
}

// isGood reports whether a run made a good version, whatever happened to replicas.
func isGood(r report.Run) bool {
	return made(r) && r.Snapshot.Good && (r.Code == 0 || r.Kind == report.Partial || r.Kind == report.Behind)
}

// promised returns how often something was as it was promised.
func promised(kept, of int, goal float64, causes map[string]int) report.Promise {
	p := report.Promise{Kept: kept, Of: of, Ratio: 1, Goal: goal}
	if of > 0 {
		p.Ratio = float64(kept) / float64(of)
	}
	p.Held = p.Ratio >= goal
	for text, n := range causes {
		p.Causes = append(p.Causes, report.Reason{Text: text, Count: n})
	}
	slices.SortFunc(p.Causes, moreOften)
	return p
}

// Success says how many of the runs made a good version.
func Success(runs []report.Run) report.Promise {
	all := jobs(runs)
	kept, causes := 0, map[string]int{}
	for _, r := range all {
		if isGood(r) {
			kept++
		} else {
			causes[cause(r)]++
		}
	}
	return promised(kept, len(all), successGoal, causes)
}

// Proofs says how many verifications found no damage: those of runs, and others.
func Proofs(runs []report.Run) report.Promise {
	kept, of, causes := 0, 0, map[string]int{}
	for _, r := range runs {
		if r.Op != report.AProof && r.Verified == nil {
			continue
		}
		of++
		damaged := r.Verified != nil && r.Verified.Findings > 0
		if !damaged && (r.Op != report.AProof || r.Code == 0) {
			kept++
			continue
		}
		causes[cause(r)]++
	}
	return promised(kept, of, wholeGoal, causes)
}

// Drills says how many drills succeeded.
func Drills(runs []report.Run) report.Promise { return succeeded(runs, report.ADrill) }

// succeeded says how many runs of a kind succeeded.
func succeeded(runs []report.Run, op report.Op) report.Promise {
	kept, of, causes := 0, 0, map[string]int{}
	for _, r := range runs {
		switch {
		case r.Op != op || r.Ended.IsZero():
			continue
		case r.Code == 0:
			kept++
		default:
			causes[cause(r)]++
		}
		of++
	}
	return promised(kept, of, wholeGoal, causes)
}

// byEnd returns the runs in the order in which they ended.
func byEnd(runs []report.Run) []report.Run {
	sorted := slices.Clone(runs)
	slices.SortStableFunc(sorted, func(a, b report.Run) int { return a.Ended.Compare(b.Ended) })
	return sorted
}
