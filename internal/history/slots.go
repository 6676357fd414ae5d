package history

import (
	"slices"
	"time"

	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// maxSlots bounds how many slots are looked at: a week of ten seconds, or ten years of hours.
const maxSlots = 100_000

// slots returns the slots of a calendar from a time on, up to now, the newest last. If there
// are more than n, it returns the newest.
func slots(c Calendar, from, now time.Time, n int) (list []time.Time) {
	for at := now; len(list) < n; {
		slot := c.Slot(at)
		if slot.Before(from) || slot.After(at) {
			break
		}
		list = append(list, slot)
		at = slot.Add(-time.Nanosecond)
	}
	slices.Reverse(list)
	return list
}

// bySlot are the jobs of each slot, in the order in which they started.
type bySlot map[int64][]report.Run

func group(runs []report.Run) bySlot {
	m := bySlot{}
	for _, r := range runs {
		if r.Op == report.TheJob && !r.Slot.IsZero() {
			m[r.Slot.Unix()] = append(m[r.Slot.Unix()], r)
		}
	}
	return m
}

// late returns how long after it was due the first run for a slot started.
func (m bySlot) late(slot time.Time, jitter time.Duration) (d time.Duration, started bool) {
	for i, r := range m[slot.Unix()] {
		due := slot.Add(jitter)
		if !r.Due.IsZero() && r.Due.After(due) {
			due = r.Due
		}
		if l := r.Started.Sub(due); i == 0 || l < d {
			d = l
		}
		started = true
	}
	return max(0, d), started
}

// begin returns since when a profile has been watched under its present schedule: the start
// of the first run that knew it. Runs that know no schedule count as runs under it.
func begin(p Plan, runs []report.Run) time.Time {
	at := time.Time{}
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Op != report.TheJob {
			continue
		}
		if runs[i].Schedule != "" && p.Schedule != "" && runs[i].Schedule != p.Schedule {
			break
		}
		at = runs[i].Started
		if s := runs[i].Slot; !s.IsZero() && s.Before(at) && runs[i].Trigger != report.ByHand {
			at = s
		}
	}
	return at
}

// OnTime says for how many of the slots since a time the run started within a minute after it
// was due. A slot from before the first run of the profile doesn't count, nor one whose
// minute has not passed yet. A paused profile has slots up to its last run.
func OnTime(p Plan, runs []report.Run, since, now time.Time) report.Promise {
	first := begin(p, runs)
	if p.Calendar == nil || first.IsZero() {
		return promised(0, 0, onTimeGoal, nil)
	}
	if since.Before(first) {
		since = first
	}
	if p.Paused {
		now = runs[len(runs)-1].Started
	}
	kept, of, causes, done := 0, 0, map[string]int{}, group(runs)
	for _, slot := range slots(p.Calendar, since, now, maxSlots) {
		late, started := done.late(slot, p.Jitter)
		switch {
		case !started && slot.Add(p.Jitter+grace).After(now):
			continue
		case !started:
			causes["no run started"]++
		case late > grace:
			causes["started too late"]++
		default:
			kept++
		}
		of++
	}
	return promised(kept, of, onTimeGoal, causes)
}

// Slots says what became of the newest slots. Without a schedule, it returns those of the
// newest runs instead.
func Slots(p Plan, look Look, runs []report.Run, lives []report.LiveRun, n int, now time.Time) []report.SlotReport {
	if p.Calendar == nil {
		return slotsOfRuns(runs, n)
	}
	v := slotView{p, look, group(runs), map[int64]*snapshot.Manifest{}, begin(p, runs), now}
	for _, m := range look.Versions {
		if old := v.versions[m.Job.Slot.Unix()]; !m.Job.Slot.IsZero() && m.Kind == snapshot.KindSource && (old == nil || m.Good() || !old.Good()) {
			v.versions[m.Job.Slot.Unix()] = m
		}
	}
	var list []report.SlotReport
	for _, slot := range slots(p.Calendar, now.Add(-horizon), now, n) {
		list = append(list, v.report(slot))
	}
	for _, l := range lives {
		for i := range list {
			if l.Profile == p.Profile && !l.Dead && l.Slot.Equal(list[i].Slot) && list[i].Snapshot.IsZero() {
				list[i].State = report.SlotRunning
			}
		}
	}
	return list
}

// slotView is what is known of the slots of a profile.
type slotView struct {
	plan     Plan
	look     Look
	runs     bySlot
	versions map[int64]*snapshot.Manifest
	begin    time.Time
	now      time.Time
}

func (v *slotView) report(slot time.Time) report.SlotReport {
	s := report.SlotReport{Slot: slot}
	late, started := v.runs.late(slot, v.plan.Jitter)
	if started && late > grace {
		s.Late = late.Seconds()
	}
	for _, r := range v.runs[slot.Unix()] {
		ofRun(&s, r)
	}
	m := v.versions[slot.Unix()]
	switch {
	case m != nil:
		s.Snapshot, s.New, s.Bytes = m.ID, m.Stats.DataAdded+m.Stats.TreeAdded, m.Stats.Bytes
		if s.State = report.SlotIncomplete; m.Good() {
			s.State, s.Cause = report.SlotGood, ""
		}
	case started:
		if v.look.answered() && (s.State == report.SlotGood || s.State == report.SlotIncomplete) {
			s.State, s.Snapshot = report.SlotForgotten, snapshot.ID{}
		}
	case v.begin.IsZero() || slot.Before(v.begin):
		s.State = report.SlotUnknown
	case slot.Add(v.plan.Jitter + grace).After(v.now):
		s.State = report.SlotWaiting
	default:
		s.State = report.SlotMissed
	}
	return s
}

// ofRun adds to what is known of a slot what one of its runs did: the best outcome counts.
func ofRun(s *report.SlotReport, r report.Run) {
	hasGood := s.State == report.SlotGood
	switch {
	case made(r) && (r.Snapshot.Good || !hasGood):
		s.Snapshot, s.New, s.Bytes = r.Snapshot.ID, r.Snapshot.New, r.Snapshot.Bytes
		s.State, s.Cause = report.SlotGood, ""
		if !r.Snapshot.Good {
			s.State, s.Cause = report.SlotIncomplete, cause(r)
		}
	case !s.Snapshot.IsZero():
	case r.Skipped != "":
		if s.State == "" {
			s.State, s.Cause = report.SlotSkipped, r.Skipped
		}
	default:
		s.State, s.Cause = report.SlotFailed, cause(r)
	}
}

func slotsOfRuns(runs []report.Run, n int) (list []report.SlotReport) {
	all := jobs(runs)
	for _, r := range all[max(0, len(all)-n):] {
		s := report.SlotReport{Slot: r.Started}
		ofRun(&s, r)
		list = append(list, s)
	}
	return list
}

// Versions compares the versions that are kept with those that are wanted: those that the
// repository names, or those that the last retention has counted.
func Versions(p Plan, look Look, runs []report.Run, now time.Time) report.VersionReport {
	v := report.VersionReport{Wanted: p.Wanted}
	if look.answered() {
		countVersions(&v, look.Versions)
	} else {
		for _, r := range runs {
			if k := r.Retained; k != nil {
				v.Kept, v.Slots = k.Kept, k.Slots
			}
		}
	}
	v.Possible = p.Wanted
	if first := begin(p, runs); p.Calendar != nil && !first.IsZero() { // the slot of now is not over yet
		v.Possible = len(slots(p.Calendar, first, p.Calendar.Slot(now).Add(-time.Nanosecond), p.Wanted))
	}
	v.Enough = v.Slots >= v.Possible
	return v
}

func countVersions(v *report.VersionReport, versions []*snapshot.Manifest) {
	var sources []*snapshot.Manifest
	for _, m := range versions {
		if m.Kind != snapshot.KindSource {
			continue
		}
		sources = append(sources, m)
		if m.Good() {
			v.Good++
		}
		if v.Oldest.IsZero() || m.End.Before(v.Oldest) {
			v.Oldest = m.End
		}
		if m.End.After(v.Newest) {
			v.Newest = m.End
		}
	}
	v.Kept, v.Slots = len(sources), retention.Slots(sources)
}
