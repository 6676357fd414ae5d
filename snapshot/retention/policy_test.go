package retention

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// history reads lines of a number, a time and marks: a host, #tag, pin, pin=time, slot=time,
// profile=name or machine=number.
func history(t *testing.T, text string) []*snapshot.Manifest {
	t.Helper()
	parse := func(s string) time.Time {
		at, err := time.Parse("2006-01-02T15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	var out []*snapshot.Manifest
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		var number uint64
		if _, err := fmt.Sscan(fields[0], &number); err != nil {
			t.Fatal(err)
		}
		m := taken("a", number, parse(fields[1]))
		for _, mark := range fields[2:] {
			tag, tagged := strings.CutPrefix(mark, "#")
			until, limited := strings.CutPrefix(mark, "pin=")
			slot, due := strings.CutPrefix(mark, "slot=")
			profile, run := strings.CutPrefix(mark, "profile=")
			machine, installed := strings.CutPrefix(mark, "machine=")
			switch {
			case tagged:
				m.Tags = append(m.Tags, tag)
			case due:
				m.Job.Slot = parse(slot)
			case run:
				m.Job.Profile = profile
			case installed:
				m.Job.Installation = snapshot.Installation{machine[0]}
			case mark == "unread":
				m.Unread = snapshot.Unread{Dirs: 1, LostDirs: 1}
			case mark == "imported":
				m.Kind = snapshot.KindImported
			case strings.HasPrefix(mark, "missing="):
				m.Missing = append(m.Missing, snapshot.Missing{Path: mark[len("missing="):]})
			case mark == "pin":
				m.Pin = &snapshot.Pin{}
			case limited:
				m.Pin = &snapshot.Pin{Until: parse(until)}
			default:
				m.Hostname = mark
			}
		}
		out = append(out, m)
	}
	return out
}

type decisionTest struct {
	name    string
	policy  Policy
	history string
	want    string // number, host if not a, and reasons of what is kept, the newest first
}

var decisionTests = []decisionTest{
	{"the last ones are those of the highest numbers", Policy{KeepLast: 2}, `
		1 2026-11-20T10:00
		2 2026-11-20T11:00
		3 2026-11-19T09:00`, `
		3 last 2
		2 last 2`},
	{"equal numbers are ordered by time", Policy{KeepLast: 1}, `
		1 2026-11-20T10:00
		2 2026-11-20T11:01
		2 2026-11-20T11:00 #older`, `
		2 last 1`},
	{"an hour has one, the newest", Policy{KeepHourly: 2}, `
		1 2026-11-20T09:59
		2 2026-11-20T10:00
		3 2026-11-20T10:30
		4 2026-11-20T12:00`, `
		4 hourly 2026-11-20 12:00 +00:00
		3 hourly 2026-11-20 10:00 +00:00`},
	{"of equal times the newest number counts", Policy{KeepDaily: 1}, `
		1 2026-11-20T10:00
		2 2026-11-20T10:00`, `
		2 daily 2026-11-20`},
	{"weeks are those of ISO 8601", Policy{KeepWeekly: 3}, `
		1 2025-12-28T10:00
		2 2025-12-29T10:00
		3 2026-01-04T10:00
		4 2026-01-05T10:00`, `
		4 weekly 2026-W02
		3 weekly 2026-W01
		1 weekly 2025-W52`},
	{"months and years without limit", Policy{KeepMonthly: -1, KeepYearly: -1}, `
		1 2024-02-29T10:00
		2 2025-02-28T10:00
		3 2025-12-31T23:59
		4 2026-01-01T00:00
		5 2026-01-31T00:00`, `
		5 monthly 2026-01; yearly 2026
		3 monthly 2025-12; yearly 2025
		2 monthly 2025-02
		1 monthly 2024-02; yearly 2024`},
	{"last without limit", Policy{KeepLast: -1}, `
		1 2026-11-20T10:00
		2 2030-11-20T10:00`, `
		2 last
		1 last`},
	{"within is measured from the newest one, not from now", Policy{KeepWithin: Span{Days: 1, Hours: 1}}, `
		1 2026-11-09T08:59
		2 2026-11-09T09:00
		3 2026-11-10T10:00`, `
		3 within 1d1h
		2 within 1d1h`},
	{"a month before March 30 is March 2", Policy{KeepWithin: Span{Months: 1}}, `
		1 2026-03-01T10:00
		2 2026-03-02T09:59
		3 2026-03-02T10:00
		4 2026-03-30T10:00`, `
		4 within 1m
		3 within 1m`},
	{"any of some tags", Policy{KeepTags: []string{"release", "gold"}}, `
		1 2026-11-20T10:00 #release #gold
		2 2026-11-20T11:00 #gold
		3 2026-11-20T12:00 #silver`, `
		2 tag gold
		1 tag release; tag gold`},
	{"pins keep until they run out, and free no place", Policy{KeepDaily: 1}, `
		1 2026-11-20T10:00 pin
		2 2026-11-20T11:00 pin=2026-12-01T11:59
		3 2026-11-20T12:00 pin=2026-12-01T12:00
		4 2026-11-20T13:00 pin=2027-01-01T00:00`, `
		4 daily 2026-11-20; pinned until 2027-01-01 00:00:00
		3 pinned until 2026-12-01 12:00:00
		1 pinned`},
	{"one out of order goes with the one before it", Policy{KeepDaily: 1}, `
		1 2026-11-19T10:00
		2 2026-11-20T10:00
		3 2026-11-20T11:00
		4 1970-01-01T00:00`, `
		4 dated out of order, kept with 00000003
		3 daily 2026-11-20; witness to times that are wrong`},
	{"and is dropped with it", Policy{KeepDaily: 2}, `
		1 2026-11-19T10:00
		2 2026-11-20T10:00
		3 1970-01-01T00:00
		4 2026-11-20T11:00`, `
		4 daily 2026-11-20
		1 daily 2026-11-19`},
	{"one that was dated ahead takes no place", Policy{KeepDaily: 2}, `
		1 2026-11-19T10:00
		2 2026-11-25T10:00
		3 2026-11-20T10:00
		4 2026-11-21T10:00
		5 2026-11-22T10:00`, `
		5 daily 2026-11-22
		4 daily 2026-11-21`},
	{"what shows that one is out of order stays with it", Policy{KeepLast: 2, KeepHourly: 2}, `
		1 2026-11-20T10:10
		2 2026-11-20T12:30
		3 2026-11-20T10:50
		4 2026-11-20T12:40`, `
		4 last 2; hourly 2026-11-20 12:00 +00:00
		3 last 2
		2 witness to times that are wrong
		1 hourly 2026-11-20 10:00 +00:00`},
	{"but not where time decides nothing", Policy{KeepLast: 2}, `
		1 2026-11-20T10:10
		2 2026-11-20T12:30
		3 2026-11-20T10:50
		4 2026-11-20T12:40`, `
		4 last 2
		3 last 2`},
	{"one from the future stays while a bucket is free for it", Policy{KeepDaily: 3}, `
		1 2026-11-18T10:00
		2 2027-01-01T00:00
		3 2026-11-19T10:00
		4 2026-11-20T10:00`, `
		4 daily 2026-11-20; witness to times that are wrong
		3 daily 2026-11-19
		2 dated in the future, may be as new as 00000003
		1 daily 2026-11-18`},
	{"and goes when there is none", Policy{KeepDaily: 2}, `
		1 2026-11-18T10:00
		2 2027-01-01T00:00
		3 2026-11-19T10:00
		4 2026-11-20T10:00`, `
		4 daily 2026-11-20
		3 daily 2026-11-19`},
	{"or when what follows is not within", Policy{KeepWithin: Span{Days: 1}}, `
		1 2027-01-01T00:00
		2 2026-11-18T10:00
		3 2027-01-01T00:00
		4 2026-11-19T10:00
		5 2026-11-20T10:00`, `
		5 within 1d; witness to times that are wrong
		4 within 1d
		3 dated in the future, may be as new as 00000004`},
	{"the newest from the future stays", Policy{KeepYearly: 1}, `
		1 2026-11-20T10:00
		2 2027-01-01T00:00`, `
		2 dated in the future, nothing trusted follows
		1 yearly 2026`},
	{"a clock that restarts takes nothing with it", Policy{KeepDaily: 2}, `
		1 2026-11-19T10:00
		2 2026-11-20T10:00
		3 1970-01-01T00:00
		4 1970-01-01T01:00
		5 1970-01-01T02:00`, `
		5 daily 1970-01-01; witness to times that are wrong
		4 witness to times that are wrong
		3 witness to times that are wrong
		2 dated out of order, may be as new as 00000003
		1 dated out of order, may be as new as 00000003`},
	{"where all are from the future all stay", Policy{KeepHourly: 1}, `
		1 2027-01-01T10:00
		2 2027-01-01T11:00`, `
		2 dated in the future, nothing trusted follows
		1 dated in the future, nothing trusted follows`},
	{"sources are merged by time", Policy{KeepLast: 3}, `
		1 2026-11-20T10:00
		2 2026-11-20T11:00
		3 2026-11-20T13:00
		8 2026-11-20T10:30 b
		9 2026-11-20T12:00 b`, `
		3 last 3
		9 b last 3
		2 last 3`},
	{"a source from the future is counted by itself", Policy{KeepLast: 2}, `
		1 2026-11-20T10:00
		2 2026-11-20T11:00
		3 2026-11-20T12:00
		7 2027-11-20T10:00 b
		8 2027-11-20T11:00 b
		9 2027-11-20T12:00 b`, `
		3 last 2
		2 last 2
		9 b last 2
		8 b last 2`},
	{"a run counts for the day in which it ended", Policy{KeepDaily: 2}, `
		1 2026-11-19T12:00
		2 2026-11-20T00:30
		3 2026-11-20T12:00`, `
		3 daily 2026-11-20
		1 daily 2026-11-19`},
	{"an incomplete one takes no place from a good one", Policy{KeepLast: 2, KeepDaily: 1}, `
		1 2026-11-19T10:00
		2 2026-11-20T10:00
		3 2026-11-20T11:00 unread
		4 2026-11-20T12:00 unread
		5 2026-11-20T13:00 unread`, `
		5 last 2; daily 2026-11-20
		4 last 2
		2 last 2; daily 2026-11-20
		1 last 2`},
	{"one that good ones have followed goes when they would", Policy{KeepLast: 2}, `
		1 2026-11-20T10:00 unread
		2 2026-11-20T11:00
		3 2026-11-20T12:00`, `
		3 last 2
		2 last 2`},
	{"the newest that holds a path stays while newer ones miss it", Policy{KeepLast: 1}, `
		1 2026-11-20T10:00
		2 2026-11-20T11:00 unread
		3 2026-11-20T12:00 unread missing=/db
		4 2026-11-20T13:00 missing=/db missing=/etc
		5 2026-11-20T14:00 missing=/db`, `
		5 last 1
		2 newest with /db
		1 last 1`},
	{"but no tag makes it stay", Policy{KeepTags: []string{"gold"}}, `
		1 2026-11-20T10:00
		2 2026-11-20T11:00 missing=/db #gold`, `
		2 tag gold`},
	{"imported ones are a chain of their own", Policy{KeepLast: 1}, `
		7 2026-11-20T10:00 imported
		1 2026-11-20T11:00
		8 2026-11-20T12:00 imported`, `
		8 last 1`},
	{"sources share the buckets of a group", Policy{KeepDaily: 2}, `
		1 2026-11-19T10:00
		2 2026-11-20T10:00
		1 2026-11-20T11:00 b
		2 2026-11-18T11:00 c`, `
		1 b daily 2026-11-20
		1 daily 2026-11-19`},
	{"no rule keeps all", Policy{}, `
		1 2026-11-20T10:00
		2 2026-11-20T11:00`, `
		2 no rule
		1 no rule`},
	{"nor does a policy that is invalid drop anything", Policy{KeepLast: 1, KeepDaily: -2}, `
		1 2026-11-20T10:00
		2 2026-11-20T11:00`, `
		2 policy: keep daily -2: must be -1 (all) or more
		1 policy: keep daily -2: must be -1 (all) or more`},
}

func TestDecisions(t *testing.T) { runDecisionTests(t, decisionTests) }

func runDecisionTests(t *testing.T, tests []decisionTest) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			c.policy.Location = time.UTC
			var got []string
			for _, d := range c.policy.Decide(history(t, c.history), now) {
				if d.Keep != (len(d.Reasons) > 0) {
					t.Errorf("number %d: kept is %v, for %q", d.Manifest.Number, d.Keep, d.Reasons)
				}
				if d.Keep {
					host := strings.ReplaceAll(d.Manifest.Hostname+" ", "a ", "")
					got = append(got, fmt.Sprintf("%d %s%s", d.Manifest.Number, host, strings.Join(d.Reasons, "; ")))
				}
				if slices.Contains(d.Manifest.Tags, "older") && d.Keep {
					t.Error("the older one is kept")
				}
			}
			var want []string
			for line := range strings.Lines(strings.TrimSpace(c.want)) {
				want = append(want, strings.TrimSpace(line))
			}
			if !slices.Equal(got, want) {
				t.Errorf("kept\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestTwinsAreToldApartByTheirIDs(t *testing.T) {
	a, b := taken("a", 1, epoch), taken("a", 1, epoch)
	b.ID[31] = 1
	for _, group := range [][]*snapshot.Manifest{{a, b}, {b, a}} {
		ds := Policy{KeepLast: 1}.Decide(group, epoch)
		if !ds[0].Keep || ds[0].Manifest != b || ds[1].Keep {
			t.Errorf("kept:\n%s", list(ds))
		}
	}
}

func TestCalendarsAreThoseOfTheLocation(t *testing.T) {
	group := history(t, "1 2026-11-19T23:30\n2 2026-11-20T00:30")
	now := group[1].End
	for offset, want := range map[int]int{0: 2, 3600: 1, -3600: 1} {
		p := Policy{KeepDaily: -1, Location: time.FixedZone("", offset)}
		if got := len(kept(p.Decide(group, now))); got != want {
			t.Errorf("at offset %d: %d are kept, want %d", offset, got, want)
		}
	}
	here := Policy{KeepDaily: -1, KeepHourly: -1}
	local := here
	local.Location = time.Local
	if list(here.Decide(group, now)) != list(local.Decide(group, now)) {
		t.Error("no location is not the local one")
	}
}

func TestPoliciesAreChecked(t *testing.T) {
	for _, p := range []Policy{
		{KeepLast: -2}, {KeepLast: 1, KeepExtra: new(-2)}, {KeepDaily: 1, KeepExtra: new(1)}, {KeepHourly: -2}, {KeepDaily: -3}, {KeepWeekly: -2}, {KeepMonthly: -2}, {KeepYearly: -2},
		{KeepWithin: Span{Days: -1}}, {KeepWithin: Span{Hours: maxSpan + 1}}, {KeepTags: []string{"a", ""}},
	} {
		if err := p.Validate(); err == nil {
			t.Errorf("%+v is valid", p)
		}
		if p.IsZero() {
			t.Errorf("%+v has no rule", p)
		}
	}
	for _, p := range []Policy{{KeepLast: 72}, {KeepLast: 72, KeepExtra: new(0)}, {KeepLast: -1, KeepExtra: new(-1)}, {KeepYearly: -1}, {KeepWithin: Span{Hours: maxSpan}}, {KeepTags: []string{"a"}}} {
		if err := p.Validate(); err != nil || p.IsZero() {
			t.Errorf("%+v: %v, no rule is %v", p, err, p.IsZero())
		}
	}
	if p := (Policy{Location: time.UTC}); !p.IsZero() || p.Validate() != nil {
		t.Error("a location is a rule, or invalid")
	}
}

func TestNoneKeptTells(t *testing.T) {
	p := Policy{KeepTags: []string{"gold"}}
	for text, want := range map[string]bool{
		"": false, "1 2026-11-20T10:00": true, "1 2026-11-20T10:00 #gold\n2 2026-11-20T10:00": false, "1 2026-11-20T10:00 pin": false,
	} {
		if got := NoneKept(p.Decide(history(t, text), epoch)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestDecidingLeavesItsArgumentsAlone(t *testing.T) {
	group, now := randomHistory(rand.New(rand.NewPCG(5, 75)))
	before := slices.Clone(group)
	var fields []string
	for _, m := range group {
		fields = append(fields, fmt.Sprintf("%+v", *m))
	}
	Policy{KeepHourly: 3, KeepDaily: 2}.Decide(group, now)
	for i, m := range group {
		if m != before[i] || fmt.Sprintf("%+v", *m) != fields[i] {
			t.Fatalf("snapshot %d is another", i)
		}
	}
}

// decisionLoad returns n snapshots whose stamps are as hard as can be in some way.
func decisionLoad(n int, how string) []*snapshot.Manifest {
	r := rand.New(rand.NewPCG(1, 76))
	var out []*snapshot.Manifest
	for i := range n {
		at := i
		switch how {
		case "falling":
			at = n - i
		case "random":
			at = r.IntN(n)
		case "two clocks":
			at = i + i%2*n
		case "all at once":
			at = 0
		}
		m := taken("a", uint64(i+1), epoch.Add(time.Duration(at)*time.Hour))
		if r.IntN(3) == 0 {
			m.Tags = []string{"kept"}
		}
		if how == "slots" {
			m.Job = snapshot.Job{Profile: "app", Installation: snapshot.Installation{byte(i)}, Slot: m.Start.Truncate(4 * time.Hour)}
		}
		out = append(out, m)
	}
	return out
}

var decisionLoads = []string{"rising", "falling", "random", "two clocks", "all at once", "slots"}

var loadPolicy = Policy{
	KeepLast: 72, KeepHourly: 100, KeepDaily: 30, KeepWeekly: -1, KeepMonthly: 24, KeepYearly: 10,
	KeepWithin: Span{Days: 9}, KeepTags: []string{"kept"}, Location: time.UTC,
}

func TestTenThousandSnapshotsTakeNoTime(t *testing.T) {
	for _, how := range decisionLoads {
		group := decisionLoad(10_000, how)
		start := time.Now()
		loadPolicy.Decide(group, epoch.AddDate(1, 0, 0))
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: %v", how, took)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, how := range decisionLoads {
		b.Run(how, func(b *testing.B) {
			group := decisionLoad(10_000, how)
			b.ReportAllocs()
			for b.Loop() {
				loadPolicy.Decide(group, epoch.AddDate(1, 0, 0))
			}
		})
	}
}
