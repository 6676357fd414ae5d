package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// Stand says how a profile stands now. The last good version is the one that the repository
// names, if it was asked, and else the one of the records. The runs are of the profile, the
// newest last.
func Stand(p Plan, look Look, runs []report.Run, lives []report.LiveRun, now time.Time) report.Standing {
	s := report.Standing{Profile: p.Profile, Repository: p.Repository, Known: report.FromRecords, OverdueAge: p.Overdue.Seconds()}
	s.LastGood, s.LastGoodID = lastGoodRun(runs, now)
	if look.answered() {
		s.Known = report.FromRepository
		s.LastGood, s.LastGoodID = lastGoodVersion(look.Versions, now)
	}
	if !s.LastGood.IsZero() {
		s.Age = max(0, now.Sub(s.LastGood).Seconds())
	}
	if p.Calendar != nil && !p.Paused {
		s.NextDue = p.Calendar.Next(now.Add(-p.Jitter)).Add(p.Jitter)
	}
	for _, l := range lives {
		if l.Profile == p.Profile {
			s.Running, s.Dead = &l.RunProgress, l.Dead
		}
	}
	last, failures := sinceGood(jobs(runs), s.LastGood)
	s.Failures = failures
	if last != nil {
		s.Cause = cause(*last)
	}
	s.State = stateOf(p, look, s, last)
	s.Summary = summary(p, look, s, last, now)
	return s
}

func lastGoodRun(runs []report.Run, now time.Time) (at time.Time, id snapshot.ID) {
	for _, r := range jobs(runs) {
		if made(r) && r.Snapshot.Good && !r.Ended.After(now.Add(futureSlack)) && r.Ended.After(at) {
			at, id = r.Ended, r.Snapshot.ID
		}
	}
	return at, id
}

func lastGoodVersion(versions []*snapshot.Manifest, now time.Time) (at time.Time, id snapshot.ID) {
	for _, m := range versions {
		if m.Kind == snapshot.KindSource && m.Good() && !m.End.After(now.Add(futureSlack)) && m.End.After(at) {
			at, id = m.End, m.ID
		}
	}
	return at, id
}

// sinceGood returns the last run if it was not as it should be, and how many runs have
// failed since the last good version.
func sinceGood(all []report.Run, good time.Time) (last *report.Run, failures int) {
	for i := range all {
		last = &all[i]
		if !isGood(*last) {
			failures++
			continue
		}
		failures = 0
		if last.Kind != report.Behind {
			last = nil
		}
	}
	if last != nil && last.Ended.Before(good) { // somebody has made a version since
		return nil, 0
	}
	return last, failures
}

func stateOf(p Plan, look Look, s report.Standing, last *report.Run) report.State {
	never := s.LastGood.IsZero()
	switch {
	case look.Err != nil:
		return report.IsUnreachable
	case p.Overdue > 0 && (never || s.Age > p.Overdue.Seconds()):
		return report.IsOverdue
	case last != nil && last.Kind == report.Incomplete:
		return report.IsIncomplete
	case last != nil && last.Kind == report.Behind:
		return report.IsBehind
	case last != nil:
		return report.IsFailing
	case never:
		return report.IsEmpty
	case p.Paused:
		return report.IsPaused
	}
	return report.IsGood
}

// summary describes a standing in one line.
func summary(p Plan, look Look, s report.Standing, last *report.Run, now time.Time) string {
	lastGood := "it has no good version"
	if !s.LastGood.IsZero() {
		lastGood = fmt.Sprintf("the last good version ended %s ago, %s", span(now.Sub(s.LastGood)), moment(s.LastGood, now))
	}
	var text string
	switch s.State {
	case report.IsUnreachable:
		return fmt.Sprintf("unreachable: the repository gave no answer: %s; by the records, %s", oneLine(look.Err), lastGood)
	case report.IsOverdue:
		text = fmt.Sprintf("overdue: %s; at most %s is promised", lastGood, span(p.Overdue))
	case report.IsFailing, report.IsIncomplete, report.IsBehind:
		text = fmt.Sprintf("%s: %s; %s", s.State, cause(*last), lastGood)
	case report.IsEmpty:
		text = "empty: it has no good version yet, and nothing promises one"
	case report.IsPaused:
		text = "paused: " + lastGood
	default:
		text = "good: " + lastGood
	}
	if s.State == report.IsOverdue && last != nil {
		text += "; the last run: " + cause(*last)
	}
	if s.State == report.IsOverdue && p.Paused {
		text += "; it is paused"
	}
	if s.Failures > 1 {
		text += fmt.Sprintf("; %d runs have failed since", s.Failures)
	}
	return text
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// moment returns a time as people write it, without the day if it is of today.
func moment(t, now time.Time) string {
	t = t.In(now.Location())
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// rank is the place of a state among the others: 0 is the worst.
func rank(s report.State) int {
	return slices.Index([]report.State{
		report.IsOverdue, report.IsUnreachable, report.IsFailing, report.IsIncomplete, report.IsBehind,
		report.IsEmpty, report.IsPaused, report.IsGood,
	}, s)
}

// needsAttention reports whether somebody should look at a profile in that state.
func needsAttention(s report.State) bool { return rank(s) <= rank(report.IsBehind) }

// Overall says in one sentence how all profiles stand, and whether all is well. The worst
// state wins.
func Overall(all []report.Standing) (sentence string, good bool) {
	var bad []report.Standing
	oldest := 0.0
	for _, s := range all {
		if needsAttention(s.State) {
			bad = append(bad, s)
		}
		oldest = max(oldest, s.Age)
	}
	slices.SortStableFunc(bad, func(a, b report.Standing) int { return rank(a.State) - rank(b.State) })
	age := span(time.Duration(oldest * float64(time.Second)))
	switch {
	case len(all) == 0:
		return "There are no profiles.", true
	case len(bad) == 0 && len(all) == 1:
		return fmt.Sprintf("%s: %s.", all[0].Profile, all[0].Summary), true
	case len(bad) == 0:
		return fmt.Sprintf("All %d profiles are well: no last good version is older than %s.", len(all), age), true
	case len(bad) == 1:
		return fmt.Sprintf("%s needs attention: %s.", bad[0].Profile, bad[0].Summary), false
	}
	return fmt.Sprintf("%d of %d profiles need attention; the worst: %s is %s.", len(bad), len(all), bad[0].Profile, bad[0].Summary), false
}
