package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// A Profile is what is known of one profile.
type Profile struct {
	Plan
	Look
	Runs []report.Run // since long before the report, the newest last
}

// A Known is all that a report is made of.
type Known struct {
	Now, Since time.Time
	Host       string
	Profiles   []Profile
	Stores     []Store
	Lives      []report.LiveRun
	Others     []report.Run // that belong to none of the profiles, such as restores
	Silent     []report.SilentHost
	Unreadable []string
}

// How many slots a report shows: as many as a profile keeps, within a bound. Older ones were
// forgotten, as they should be.
const (
	hourSlots = 72 // if the profile says nothing
	manySlots = 168
)

// Review makes the report of a host.
func Review(k Known) report.HostReport {
	out := report.HostReport{
		Head: report.Head{MessageType: "host_report"}, Time: k.Now, Since: k.Since, Host: k.Host,
		Attention: []string{}, Profiles: []report.ProfileReport{}, Repositories: []report.RepositoryReport{},
		Silent: k.Silent, Unreadable: k.Unreadable,
	}
	var standings []report.Standing
	all, recent := slices.Clone(k.Others), within(k.Others, k.Since)
	for _, p := range k.Profiles {
		out.Profiles = append(out.Profiles, k.review(p))
		standings = append(standings, out.Profiles[len(out.Profiles)-1].Standing)
		all = append(all, p.Runs...)
		recent = append(recent, within(p.Runs, k.Since)...)
	}
	for _, s := range k.Stores {
		out.Repositories = append(out.Repositories, Sizes(s, byEnd(all), k.Now))
	}
	out.Restores, out.Drills, out.Proofs = Restores(recent), Drills(recent), Proofs(recent)
	out.Summary, out.Good = Overall(standings)
	out.Attention = append(out.Attention, attention(out)...)
	if out.Good && len(out.Attention) > 0 {
		out.Good = false
		out.Summary = strings.TrimSuffix(out.Summary, ".") + "; but " + counted(len(out.Attention), "thing needs", "things need") + " attention."
	}
	return out
}

func (k Known) review(p Profile) report.ProfileReport {
	recent, shown := within(p.Runs, k.Since), shownSlots(p.Plan)
	r := report.ProfileReport{
		Standing: Stand(p.Plan, p.Look, p.Runs, k.Lives, k.Now), Schedule: p.Schedule,
		Slots:   Slots(p.Plan, p.Look, p.Runs, k.Lives, shown, k.Now),
		OnTime:  OnTime(p.Plan, p.Runs, k.Since, k.Now),
		Success: Success(recent), Versions: Versions(p.Plan, p.Look, p.Runs, k.Now), Cost: Cost(recent),
	}
	for _, run := range jobs(p.Runs) {
		if made(run) {
			r.Last = run.Snapshot
		}
	}
	return r
}

// shownSlots is how many slots of a profile a report shows.
func shownSlots(p Plan) int {
	if p.Wanted > 0 {
		return min(p.Wanted, manySlots)
	}
	return hourSlots
}

// FirstSlot returns the oldest slot of a profile that a report shows, or now without one.
func FirstSlot(p Plan, now time.Time) time.Time {
	if p.Calendar == nil {
		return now
	}
	if list := slots(p.Calendar, now.Add(-horizon), now, shownSlots(p)); len(list) > 0 {
		return list[0]
	}
	return now
}

// within returns the runs that started since a time.
func within(runs []report.Run, since time.Time) (out []report.Run) {
	for _, r := range runs {
		if !r.Started.Before(since) {
			out = append(out, r)
		}
	}
	return out
}

// fullSoon is how long before its target is full a repository needs attention.
const fullSoon = 14 * 24 * time.Hour

// attention lists what should be looked at, the worst first.
func attention(r report.HostReport) (lines []string) {
	add := func(is bool, format string, args ...any) {
		if is {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	add(!r.Proofs.Held, "%d of %s found damage", r.Proofs.Of-r.Proofs.Kept, counted(r.Proofs.Of, "verification", "verifications"))
	for _, p := range r.Profiles {
		add(needsAttention(p.State), "%s is %s", p.Profile, p.Summary)
	}
	for _, s := range r.Repositories {
		soon := !s.FullOn.IsZero() && s.FullOn.Sub(r.Time) < fullSoon
		add(soon, "the disk of %s will be full in %s", s.Location, span(s.FullOn.Sub(r.Time)))
	}
	for _, p := range r.Profiles {
		add(!p.Versions.Enough, "%s has versions of %d slots, not of %d", p.Profile, p.Versions.Slots, p.Versions.Possible)
		add(!p.OnTime.Held, "%s started on time for %s of its slots; the goal is %s", p.Profile, percent(p.OnTime.Ratio), percent(p.OnTime.Goal))
		add(p.Cost != nil && p.Cost.Over > 0, "%s exceeded its budget in %s", p.Profile, counted(overOf(p), "run", "runs"))
	}
	add(!r.Restores.Success.Held, "%d of %s failed", r.Restores.Success.Of-r.Restores.Success.Kept, counted(r.Restores.Success.Of, "restore", "restores"))
	add(!r.Drills.Held, "%d of %s failed", r.Drills.Of-r.Drills.Kept, counted(r.Drills.Of, "drill", "drills"))
	for _, h := range r.Silent {
		add(true, "host %s has made no version for %s: run %q if it is gone", h.Host, span(r.Time.Sub(h.Newest)), h.Next)
	}
	add(len(r.Unreadable) > 0, "%s of the history can't be read", counted(len(r.Unreadable), "record", "records"))
	return lines
}

func overOf(p report.ProfileReport) int {
	if p.Cost == nil {
		return 0
	}
	return p.Cost.Over
}
