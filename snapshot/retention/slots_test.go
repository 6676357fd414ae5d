package retention

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// hasTime reports whether a decision on the group depends on stamps.
func (p *Policy) hasTime(group []*snapshot.Manifest) bool {
	return p.usesTime() || p.KeepLast != 0 && slices.ContainsFunc(group, func(m *snapshot.Manifest) bool { return !m.Job.Slot.IsZero() })
}

// giveJobs gives the snapshots of every second history the slots of a job that runs each hour or
// two, now and then beside its schedule, on one machine or on two. Some snapshots have none,
// and some have a slot that is not theirs.
func giveJobs(r *rand.Rand, group []*snapshot.Manifest, p *Policy) {
	if r.IntN(2) == 0 {
		return
	}
	if p.KeepLast == 0 && r.IntN(3) > 0 {
		p.KeepLast = r.IntN(7) - 1
	}
	if p.KeepLast != 0 && r.IntN(2) == 0 {
		p.KeepExtra = new(r.IntN(6) - 1)
	}
	every := time.Duration(1+r.IntN(2)) * time.Hour
	machines, rare := 1+r.IntN(2), r.IntN(12)
	for _, m := range group {
		m.Job = snapshot.Job{Profile: "app", Installation: snapshot.Installation{byte(1 + r.IntN(machines))}, Slot: m.Start.Truncate(every)}
		switch r.IntN(3 + rare) {
		case 0:
			m.Job.Slot = time.Time{}
		case 1:
			m.Job = snapshot.Job{}
		case 2:
			m.Job.Slot = m.Job.Slot.Add(time.Duration(r.IntN(9)-4) * every)
		}
	}
}

var slotTests = []decisionTest{
	{"a slot counts once, and its newest stays", Policy{KeepLast: 2, KeepExtra: new(0)}, `
		1 2026-11-20T10:01 slot=2026-11-20T10:00
		2 2026-11-20T11:01 slot=2026-11-20T11:00
		3 2026-11-20T11:20 slot=2026-11-20T11:00
		4 2026-11-20T12:01 slot=2026-11-20T12:00`, `
		4 last 2 (slot 2026-11-20 12:00)
		3 last 2 (slot 2026-11-20 11:00)`},
	{"others of these slots stay, too, the newest first", Policy{KeepLast: 2, KeepExtra: new(2)}, `
		1 2026-11-20T10:01 slot=2026-11-20T10:00
		2 2026-11-20T11:01 slot=2026-11-20T11:00
		3 2026-11-20T11:20 slot=2026-11-20T11:00
		4 2026-11-20T12:01 slot=2026-11-20T12:00
		5 2026-11-20T12:02 slot=2026-11-20T12:00
		6 2026-11-20T12:03 slot=2026-11-20T12:00`, `
		6 last 2 (slot 2026-11-20 12:00)
		5 extra 2
		4 extra 2
		3 last 2 (slot 2026-11-20 11:00)`},
	{"as many as slots where nothing else is said", Policy{KeepLast: 1}, `
		1 2026-11-20T12:01 slot=2026-11-20T12:00
		2 2026-11-20T12:02 slot=2026-11-20T12:00
		3 2026-11-20T12:03 slot=2026-11-20T12:00`, `
		3 last 1 (slot 2026-11-20 12:00)
		2 extra 1`},
	{"or all of them", Policy{KeepLast: 1, KeepExtra: new(-1)}, `
		1 2026-11-20T11:01 slot=2026-11-20T11:00
		2 2026-11-20T12:01 slot=2026-11-20T12:00
		3 2026-11-20T12:02 slot=2026-11-20T12:00
		4 2026-11-20T12:03 slot=2026-11-20T12:00`, `
		4 last 1 (slot 2026-11-20 12:00)
		3 extra
		2 extra`},
	{"all slots, each with one", Policy{KeepLast: -1, KeepExtra: new(0)}, `
		1 2026-11-20T11:01 slot=2026-11-20T11:00
		2 2026-11-20T12:01 slot=2026-11-20T12:00
		3 2026-11-20T12:02 slot=2026-11-20T12:00`, `
		3 last (slot 2026-11-20 12:00)
		1 last (slot 2026-11-20 11:00)`},
	{"the newest good one stands for a slot", Policy{KeepLast: 2, KeepExtra: new(0)}, `
		1 2026-11-20T11:01 slot=2026-11-20T11:00
		2 2026-11-20T12:01 slot=2026-11-20T12:00
		3 2026-11-20T12:20 slot=2026-11-20T12:00 unread`, `
		2 last 2 (slot 2026-11-20 12:00)
		1 last 2 (slot 2026-11-20 11:00)`},
	{"a slot without a good one takes no place of those with one", Policy{KeepLast: 2, KeepExtra: new(0)}, `
		1 2026-11-20T11:01 slot=2026-11-20T11:00
		2 2026-11-20T12:01 slot=2026-11-20T12:00
		3 2026-11-20T13:20 slot=2026-11-20T13:00 unread
		4 2026-11-20T13:40 slot=2026-11-20T13:00 unread`, `
		4 last 2 (slot 2026-11-20 13:00)
		2 last 2 (slot 2026-11-20 12:00)
		1 last 2 (slot 2026-11-20 11:00)`},
	{"two machines have slots of their own", Policy{KeepLast: 1, KeepExtra: new(0)}, `
		1 2026-11-20T11:01 slot=2026-11-20T11:00 profile=app machine=1
		2 2026-11-20T11:02 slot=2026-11-20T11:00 profile=app machine=2
		3 2026-11-20T12:01 slot=2026-11-20T12:00 profile=app machine=1`, `
		3 last 1 (slot 2026-11-20 12:00)
		2 last 1 (slot 2026-11-20 11:00)`},
	{"and so have two profiles and two hosts", Policy{KeepLast: 1, KeepExtra: new(0)}, `
		1 2026-11-20T11:01 slot=2026-11-20T11:00 profile=app
		2 2026-11-20T11:02 slot=2026-11-20T11:00 profile=night
		1 2026-11-20T11:02 slot=2026-11-20T11:00 profile=app b
		3 2026-11-20T12:01 slot=2026-11-20T12:00 profile=app`, `
		3 last 1 (slot 2026-11-20 12:00)
		1 b last 1 (slot 2026-11-20 11:00)
		2 last 1 (slot 2026-11-20 11:00)`},
	{"one without a slot takes no place of a slot", Policy{KeepLast: 2, KeepExtra: new(0)}, `
		1 2026-11-20T11:01 slot=2026-11-20T11:00 profile=app
		2 2026-11-20T12:01 slot=2026-11-20T12:00 profile=app
		3 2026-11-20T12:10
		4 2026-11-20T12:11
		5 2026-11-20T12:12 profile=app`, `
		5 last 2
		4 last 2
		2 last 2 (slot 2026-11-20 12:00)
		1 last 2 (slot 2026-11-20 11:00)`},
	{"but goes when slots have followed", Policy{KeepLast: 2, KeepExtra: new(0)}, `
		1 2026-11-20T09:01
		2 2026-11-20T10:01
		3 2026-11-20T11:01 slot=2026-11-20T11:00 profile=app`, `
		3 last 2 (slot 2026-11-20 11:00)
		2 last 2`},
	{"slots of another job don't push out one of a job without a schedule", Policy{KeepLast: 1, KeepExtra: new(0)}, `
		1 2026-11-20T09:01 profile=night machine=1
		2 2026-11-20T11:01 slot=2026-11-20T11:00 profile=app machine=1`, `
		2 last 1 (slot 2026-11-20 11:00)
		1 last 1`},
	{"nor those of another machine one that has no profile", Policy{KeepLast: 1, KeepExtra: new(0)}, `
		1 2026-11-20T09:01 machine=1
		2 2026-11-20T11:01 slot=2026-11-20T11:00 machine=2`, `
		2 last 1 (slot 2026-11-20 11:00)
		1 last 1`},
	{"slots are as close as the schedule says", Policy{KeepLast: 2, KeepExtra: new(0)}, `
		1 2026-11-20T11:01 slot=2026-11-20T11:00
		2 2026-11-20T11:02 slot=2026-11-20T11:01
		3 2026-11-20T11:03 slot=2026-11-20T11:02`, `
		3 last 2 (slot 2026-11-20 11:02)
		2 last 2 (slot 2026-11-20 11:01)`},
	{"a wrong clock takes no slot", Policy{KeepLast: 1, KeepExtra: new(0)}, `
		1 2026-11-20T10:01 slot=2026-11-20T10:00
		2 2026-11-20T11:01 slot=2026-11-20T11:00
		3 2027-11-20T10:01 slot=2026-11-20T11:00`, `
		3 last 1
		2 last 1 (slot 2026-11-20 11:00)`},
	{"the hour that is repeated has two slots", Policy{KeepLast: 2, KeepExtra: new(0)}, `
		1 2026-10-24T23:01 slot=2026-10-24T23:00
		2 2026-10-25T00:01 slot=2026-10-25T00:00
		3 2026-10-25T01:01 slot=2026-10-25T01:00`, `
		3 last 2 (slot 2026-10-25 01:00)
		2 last 2 (slot 2026-10-25 00:00)`},
}

func TestSlotsAreKeptByNumber(t *testing.T) { runDecisionTests(t, slotTests) }

func TestASlotIsShownInTheZoneAndToTheSecond(t *testing.T) {
	m := taken("a", 1, epoch)
	m.Job.Slot = epoch.Add(-10 * time.Second)
	p := Policy{KeepLast: 5, Location: time.FixedZone("", 3600)}
	if got := p.Decide([]*snapshot.Manifest{m}, epoch)[0].Reasons; !slices.Equal(got, []string{"last 5 (slot 2026-03-01 00:59:50)"}) {
		t.Errorf("%q", got)
	}
}

// hourly returns the versions of a job that has run n times, each hour.
func hourly(host string, n int) (out []*snapshot.Manifest) {
	for i := range n {
		slot := epoch.Add(time.Duration(i) * time.Hour)
		m := taken(host, uint64(i+1)*1000, slot.Add(7*time.Minute))
		m.Start = slot.Add(time.Minute)
		m.Job = snapshot.Job{Profile: "app", Slot: slot, Installation: snapshot.Installation{1}}
		out = append(out, m)
	}
	return out
}

func TestAFloodOfManualRunsNeverPushesTheHoursOut(t *testing.T) {
	hours := hourly("a", 100)
	last := hours[99]
	now := last.End.Add(time.Hour)
	move := func(m *snapshot.Manifest, years, days int) {
		m.End, m.Job.Slot = m.End.AddDate(years, 0, days), m.Job.Slot.AddDate(years, 0, days)
	}
	for what, change := range map[string]func(m *snapshot.Manifest){
		"in the slot":             func(m *snapshot.Manifest) {},
		"in the slot, incomplete": func(m *snapshot.Manifest) { m.Unread = snapshot.Unread{Dirs: 1, LostDirs: 1} },
		"without a slot":          func(m *snapshot.Manifest) { m.Job.Slot = time.Time{} },
		"without a job":           func(m *snapshot.Manifest) { m.Job = snapshot.Job{} },
		"with a clock gone back":  func(m *snapshot.Manifest) { move(m, 0, -9) },
		"with a clock ahead":      func(m *snapshot.Manifest) { move(m, 1, 0) },
	} {
		all, n := slices.Clone(hours), 500
		if what == "with a clock gone back" {
			n = 60 // more of them than of the others would be believed
		}
		for i := range n {
			m := taken("a", last.Number+uint64(i)+1, last.End.Add(time.Duration(i)*time.Second))
			m.Job = last.Job
			change(m)
			all = append(all, m)
		}
		for _, extra := range []*int{nil, new(0), new(5)} {
			p := Policy{KeepLast: 72, KeepExtra: extra}
			left := kept(p.Decide(all, now))
			stays := map[time.Time]bool{}
			for _, m := range left {
				stays[m.Job.Slot] = true
			}
			for _, m := range hours[28:] {
				if !stays[m.Job.Slot] {
					t.Errorf("%s: slot %v is gone", what, m.Job.Slot)
				}
			}
			if len(left) > 72+72+60 {
				t.Errorf("%s: %d stay", what, len(left))
			}
		}
	}
}

func TestTheNewestStayWhateverTheirSlotsAre(t *testing.T) {
	compared := 0
	histories(t, 3000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		p = Policy{KeepLast: p.KeepLast, Location: time.UTC}
		if p.IsZero() {
			return
		}
		with := byID(p.Decide(group, now))
		var without []*snapshot.Manifest
		for _, m := range group {
			plain := *m
			plain.Job = snapshot.Job{}
			without = append(without, &plain)
		}
		for _, m := range kept(p.Decide(without, now)) {
			compared++
			if !with[m.ID].Keep {
				t.Errorf("number %d of %s goes because there are slots", m.Number, m.Hostname)
			}
		}
	})
	if compared < 5000 {
		t.Errorf("only %d were compared", compared)
	}
}

// TestOrderlySlotsAreKeptAsRestated compares with the rule told another way.
func TestOrderlySlotsAreKeptAsRestated(t *testing.T) {
	extras := 0
	histories(t, 4000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		slices.SortFunc(group, func(a, b *snapshot.Manifest) int { return a.End.Compare(b.End) })
		for i, m := range group { // one source, and a clock that is right
			job := m.Job
			*m = *taken("a", uint64(i+1), m.End)
			m.Job = job
		}
		spoil(r, group)
		for _, m := range group {
			m.Missing = nil // which makes others stay
		}
		p = Policy{KeepLast: p.KeepLast, KeepExtra: p.KeepExtra}
		if p.IsZero() {
			return
		}
		now = now.AddDate(10, 0, 0)
		want, beside := restated(group, p)
		extras += beside
		got := map[snapshot.ID]bool{}
		for _, m := range kept(p.Decide(group, now)) {
			got[m.ID] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d are kept, %d should be", len(got), len(want))
		}
	})
	if extras < 1000 {
		t.Errorf("only %d were kept as extra ones", extras)
	}
}

// restated returns what KeepLast and KeepExtra keep of an orderly history, the oldest first,
// and how many of these are extra.
func restated(group []*snapshot.Manifest, p Policy) (want map[snapshot.ID]bool, extras int) {
	want = map[snapshot.ID]bool{}
	within := func(limit, n int) bool { return limit < 0 || n <= limit }
	name := func(m *snapshot.Manifest) string {
		if m.Job.Slot.IsZero() {
			return "number " + fmt.Sprint(m.Number)
		}
		return "slot " + m.Job.Installation.String() + m.Job.Slot.String()
	}
	var good []*snapshot.Manifest
	for _, m := range group {
		if m.Good() {
			good = append(good, m)
		}
	}
	chosen := map[string]*snapshot.Manifest{}
	beside := map[snapshot.ID]bool{}
	for _, list := range [][]*snapshot.Manifest{good, group} {
		newest := slices.Clone(list)
		slices.Reverse(newest)
		var in []*snapshot.Manifest // the snapshots of what is kept
		for i, m := range newest {
			first := slices.IndexFunc(newest, func(o *snapshot.Manifest) bool { return name(o) == name(m) })
			counted := map[string]bool{}
			for _, o := range newest[:first+1] {
				sameSeries, noJob := o.Job.Installation == m.Job.Installation, o.Job.Installation.IsZero()
				switch {
				case !m.Job.Slot.IsZero() && (o.Job.Slot.IsZero() || !sameSeries):
				case m.Job.Slot.IsZero() && !m.Job.Installation.IsZero() && !sameSeries && !noJob:
				default:
					counted[name(o)] = true
				}
			}
			if within(p.KeepLast, len(counted)) {
				in = append(in, newest[i])
			}
		}
		for _, m := range in {
			if chosen[name(m)] == nil {
				chosen[name(m)] = m
			}
			want[chosen[name(m)].ID] = true
		}
		limit := p.KeepLast
		if p.KeepExtra != nil {
			limit = *p.KeepExtra
		}
		n := map[snapshot.Installation]int{}
		for _, m := range in {
			if chosen[name(m)] == m {
				continue
			}
			if n[m.Job.Installation]++; within(limit, n[m.Job.Installation]) {
				want[m.ID], beside[m.ID] = true, true
			}
		}
	}
	return want, len(beside)
}
