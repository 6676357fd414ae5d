package history

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func hourly(t *testing.T) Plan {
	t.Helper()
	s, err := calendar.Every(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return Plan{Profile: "app", Repository: "/r", Schedule: s.String(), Calendar: s, Jitter: 2 * time.Minute, Wanted: 72, Overdue: 2 * time.Hour}
}

// hours returns the runs of so many hours before noon, each a little after it was due.
func hours(n int) (runs []report.Run) {
	for i := range n {
		r := runAt("app", noon.Add(time.Duration(i-n)*time.Hour+2*time.Minute+time.Second))
		r.Due = r.Slot.Add(2 * time.Minute)
		r.Repository = "/r"
		r.Snapshot.ID = snapshot.ID{byte(i), 1}
		runs = append(runs, r)
	}
	return runs
}

// versionsOf returns the versions that runs have made.
func versionsOf(runs []report.Run) (list []*snapshot.Manifest) {
	for _, r := range runs {
		m := &snapshot.Manifest{ID: r.Snapshot.ID, Start: r.Started, End: r.Ended, Job: snapshot.Job{Profile: r.Profile, Slot: r.Slot}}
		if !r.Snapshot.Good {
			m.Missing = []snapshot.Missing{{Path: "/srv/x"}}
		}
		list = append(list, m)
	}
	return list
}

func failed(r report.Run, message string) report.Run {
	r.Snapshot, r.Code, r.Kind, r.Message = nil, 1, report.Failed, message
	return r
}

func TestAProfileIsOverdueWhenItsLastGoodVersionEndedTooLongAgo(t *testing.T) {
	p := hourly(t)
	at := noon.Add(10 * time.Minute)
	runs := hours(5)
	old := runs[:3]
	incomplete := hours(5)
	for i := 3; i < 5; i++ {
		incomplete[i].Snapshot.Good, incomplete[i].Code, incomplete[i].Kind = false, 11, report.Incomplete
	}
	future := versionsOf(old)
	future = append(future, &snapshot.Manifest{ID: snapshot.ID{9}, End: at.Add(24 * time.Hour)})
	trial := append(versionsOf(old), &snapshot.Manifest{ID: snapshot.ID{9}, Kind: snapshot.KindTrial, End: at})
	for name, c := range map[string]struct {
		look Look
		runs []report.Run
		want report.State
	}{
		"hourly":                                   {Look{}, runs, report.IsGood},
		"the repository has them":                  {Look{Asked: true, Versions: versionsOf(runs)}, nil, report.IsGood},
		"never":                                    {Look{}, nil, report.IsOverdue},
		"never, says the repository":               {Look{Asked: true}, runs, report.IsOverdue},
		"the last is 3 hours old":                  {Look{}, old, report.IsOverdue},
		"the repository has lost the last":         {Look{Asked: true, Versions: versionsOf(old)}, runs, report.IsOverdue},
		"somebody else has made one":               {Look{Asked: true, Versions: versionsOf(runs)}, old, report.IsGood},
		"the last ones are incomplete":             {Look{Asked: true, Versions: versionsOf(incomplete)}, incomplete, report.IsOverdue},
		"one that ends tomorrow":                   {Look{Asked: true, Versions: future}, nil, report.IsOverdue},
		"a trial is no version":                    {Look{Asked: true, Versions: trial}, nil, report.IsOverdue},
		"out of reach, whatever the records claim": {Look{Asked: true, Err: errors.New("no route\nto host")}, runs, report.IsUnreachable},
		"the last run failed":                      {Look{}, append(hours(5), failed(runAt("app", noon.Add(time.Minute)), "disk on fire")), report.IsFailing},
		"a failed run that another one made good":  {Look{}, append([]report.Run{failed(runAt("app", noon.Add(-9*time.Hour)), "x")}, runs...), report.IsGood},
	} {
		s := Stand(p, c.look, c.runs, nil, at)
		if s.State != c.want {
			t.Errorf("%s: %s, want %s: %s", name, s.State, c.want, s.Summary)
		}
		if !strings.HasPrefix(s.Summary, string(s.State)) || strings.Contains(s.Summary, "\n") {
			t.Errorf("%s: %q", name, s.Summary)
		}
	}
}

func TestAStandingSaysWhatIsKnown(t *testing.T) {
	p := hourly(t)
	at := noon.Add(time.Minute)
	runs := append(hours(5), failed(runAt("app", noon.Add(time.Second)), "exit code 3\nmore"), failed(runAt("app", noon.Add(9*time.Second)), "disk on fire"))
	live := report.LiveRun{RunProgress: report.RunProgress{Profile: "app", Step: "snapshot"}, Dead: true}
	s := Stand(p, Look{}, runs, []report.LiveRun{{RunProgress: report.RunProgress{Profile: "web"}}, live}, at)
	want := report.Standing{
		Profile: "app", Repository: "/r", State: report.IsFailing, Known: report.FromRecords,
		Summary:  "failing: disk on fire; the last good version ended 57 min ago, 11:03; 2 runs have failed since",
		LastGood: noon.Add(-57*time.Minute + time.Second), LastGoodID: snapshot.ID{4, 1}, Age: 57*60 + 59 - 60, OverdueAge: 7200,
		Failures: 2, Cause: "disk on fire", NextDue: noon.Add(2 * time.Minute), Running: &live.RunProgress, Dead: true,
	}
	want.Age = at.Sub(want.LastGood).Seconds()
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v\nwant %+v", s, want)
	}
}

func TestWithoutAPromiseNothingIsOverdue(t *testing.T) {
	p := Plan{Profile: "app"}
	if s := Stand(p, Look{Asked: true}, nil, nil, noon); s.State != report.IsEmpty || !s.NextDue.IsZero() {
		t.Errorf("%+v", s)
	}
	if s := Stand(p, Look{}, hours(1), nil, noon.AddDate(1, 0, 0)); s.State != report.IsGood {
		t.Errorf("%+v", s)
	}
	p = hourly(t)
	p.Paused = true
	if s := Stand(p, Look{}, hours(2), nil, noon); s.State != report.IsPaused || !s.NextDue.IsZero() {
		t.Errorf("%+v", s)
	}
	if s := Stand(p, Look{}, hours(2), nil, noon.Add(9*time.Hour)); s.State != report.IsOverdue {
		t.Errorf("a pause hides nothing: %+v", s)
	}
}

func TestTheWorstStateWins(t *testing.T) {
	good := report.Standing{Profile: "a", State: report.IsGood, Age: 60, Summary: "good: x"}
	for _, c := range []struct {
		all  []report.Standing
		want string
		good bool
	}{
		{nil, "There are no profiles.", true},
		{[]report.Standing{good}, "a: good: x.", true},
		{[]report.Standing{good, {Profile: "b", State: report.IsPaused, Age: 3000}}, "All 2 profiles are well: no last good version is older than 50 min.", true},
		{[]report.Standing{good, {Profile: "b", State: report.IsFailing, Summary: "failing: no"}}, "b needs attention: failing: no.", false},
		{[]report.Standing{{Profile: "b", State: report.IsFailing, Summary: "failing: no"}, good, {Profile: "c", State: report.IsOverdue, Summary: "overdue: y"}}, "2 of 3 profiles need attention; the worst: c is overdue: y.", false},
	} {
		if got, ok := Overall(c.all); got != c.want || ok != c.good {
			t.Errorf("%q, %v, want %q", got, ok, c.want)
		}
	}
}

func TestARunIsOnTimeIfItStartsWithinAMinuteAfterItWasDue(t *testing.T) {
	p := hourly(t)
	start := noon.Add(-10 * time.Hour)
	runs := hours(10)
	moved := func(i int, by time.Duration) []report.Run {
		list := hours(10)
		list[i].Started = list[i].Due.Add(by)
		return list
	}
	other := hours(10)
	for i := range 5 {
		other[i].Schedule = "every 2h"
	}
	retried := moved(4, 20*time.Minute)
	retried = append(retried[:4:4], append([]report.Run{failed(runs[4], "x")}, retried[4:]...)...)
	for name, c := range map[string]struct {
		runs     []report.Run
		since    time.Time
		now      time.Time
		kept, of int
		cause    string
	}{
		"all":                           {runs, start, noon, 10, 10, ""},
		"the last minute is not over":   {runs, start, noon.Add(2*time.Minute + 59*time.Second), 10, 10, ""},
		"now it is":                     {runs, start, noon.Add(3*time.Minute + time.Second), 10, 11, "no run started"},
		"a minute late":                 {moved(4, time.Minute), start, noon, 10, 10, ""},
		"later":                         {moved(4, time.Minute+time.Millisecond), start, noon, 9, 10, "started too late"},
		"a missed one":                  {append(hours(10)[:3:3], runs[4:]...), start, noon, 9, 10, "no run started"},
		"only the last three":           {runs, noon.Add(-3 * time.Hour), noon, 3, 3, ""},
		"nothing before the first run":  {runs, noon.AddDate(0, 0, -7), noon, 10, 10, ""},
		"nothing before a new schedule": {other, start, noon, 5, 5, ""},
		"a failed run has started":      {retried, start, noon, 10, 10, ""},
		"without a run nothing was due": {nil, start, noon, 0, 0, ""},
	} {
		got := OnTime(p, c.runs, c.since, c.now)
		if got.Kept != c.kept || got.Of != c.of || (got.Causes == nil) != (c.cause == "") || c.cause != "" && got.Causes[0].Text != c.cause {
			t.Errorf("%s: %+v, want %d of %d", name, got, c.kept, c.of)
		}
		if got.Held != (c.kept == c.of) {
			t.Errorf("%s: held: %v at %g", name, got.Held, got.Ratio)
		}
	}
	p.Paused = true
	if got := OnTime(p, runs, start, noon.Add(9*time.Hour)); got.Kept != 10 || got.Of != 10 {
		t.Errorf("a paused profile misses nothing: %+v", got)
	}
}

func TestOneOfAThousandMayBeLate(t *testing.T) {
	p := hourly(t)
	runs := hours(1000)
	runs[500].Started = runs[500].Started.Add(time.Hour)
	if got := OnTime(p, runs, noon.AddDate(-1, 0, 0), noon); got.Of != 1000 || got.Ratio != 0.999 || !got.Held {
		t.Errorf("%+v", got)
	}
	runs[501].Started = runs[501].Started.Add(time.Hour)
	if got := OnTime(p, runs, noon.AddDate(-1, 0, 0), noon); got.Held {
		t.Errorf("%+v", got)
	}
}

func TestEachSlotShowsWhatBecameOfIt(t *testing.T) {
	p := hourly(t)
	runs := hours(10)
	runs[1] = failed(runs[1], "disk on fire")
	runs[2].Snapshot.Good, runs[2].Code, runs[2].Kind, runs[2].Message = false, 11, report.Incomplete, "/srv/x is missing"
	runs[4].Started = runs[4].Started.Add(time.Hour / 2)
	runs[5].Snapshot, runs[5].Skipped = nil, "the last version is younger"
	versions := versionsOf(append([]report.Run{runs[0], runs[2], runs[4]}, runs[7:]...))
	runs = append(runs[:3:3], runs[4:]...) // the fourth was missed, the seventh is forgotten
	live := []report.LiveRun{{RunProgress: report.RunProgress{Profile: "app", Slot: noon}}}
	list := Slots(p, Look{Asked: true, Versions: versions}, runs, live, 12, noon.Add(time.Minute))
	var states []string
	for i, s := range list {
		states = append(states, string(s.State))
		if want := noon.Add(time.Duration(i-11) * time.Hour); !s.Slot.Equal(want) {
			t.Errorf("slot %s, want %s", s.Slot, want)
		}
	}
	want := "unknown good failed incomplete missed good skipped forgotten good good good running"
	if got := strings.Join(states, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if list[2].Cause != "disk on fire" || list[5].Late < 1700 || list[1].Snapshot.IsZero() || list[1].Late != 0 {
		t.Errorf("%+v", list)
	}
	if s := Slots(p, Look{}, runs, nil, 12, noon.Add(time.Minute)); s[11].State != report.SlotWaiting || s[7].State != report.SlotGood || s[3].Cause != "/srv/x is missing" {
		t.Errorf("%+v", s)
	}
	p.Calendar = nil
	if s := Slots(p, Look{}, runs, nil, 5, noon); len(s) != 5 || s[4].State != report.SlotGood {
		t.Errorf("%+v", s)
	}
}

func TestVersionsAreComparedWithThoseThatCouldBeThere(t *testing.T) {
	p := hourly(t)
	runs := hours(80)
	versions := versionsOf(runs)
	versions[79].Job.Slot = time.Time{} // it has a slot of its own
	versions[78].Job.Slot = versions[77].Job.Slot
	versions[0].Missing = []snapshot.Missing{{Path: "/x"}}
	v := Versions(p, Look{Asked: true, Versions: versions}, runs, noon.Add(time.Minute))
	if v.Kept != 80 || v.Slots != 79 || v.Good != 79 || v.Wanted != 72 || v.Possible != 72 || !v.Enough || !v.Oldest.Equal(versions[0].End) || !v.Newest.Equal(versions[79].End) {
		t.Errorf("%+v", v)
	}
	v = Versions(p, Look{Asked: true, Versions: versions[20:]}, runs, noon)
	if v.Enough || v.Slots != 59 {
		t.Errorf("%+v", v)
	}
	young := hours(5)
	if v = Versions(p, Look{Asked: true, Versions: versionsOf(young)}, young, noon.Add(30*time.Minute)); !v.Enough || v.Possible != 5 {
		t.Errorf("%+v", v)
	}
	young[4].Retained = &report.RunKept{Kept: 6, Slots: 5, Wanted: 72}
	if v = Versions(p, Look{}, young, noon); v.Kept != 6 || v.Slots != 5 || !v.Enough {
		t.Errorf("%+v", v)
	}
}

func TestARunSucceedsIfItMadeAGoodVersion(t *testing.T) {
	runs := hours(8)
	runs[0].Code, runs[0].Kind = 4, report.Behind
	runs[1].Code, runs[1].Kind = 3, report.Partial
	runs[2].Code, runs[2].Kind, runs[2].Message = 7, report.Damage, "damage\nmore"
	runs[3] = failed(runs[3], "disk on fire")
	runs[4] = failed(runs[4], "disk on fire")
	runs[5].Snapshot, runs[5].Skipped = nil, "unchanged"
	runs[6].Op = report.ARestore
	got := Success(runs)
	want := []report.Reason{{Text: "disk on fire", Count: 2}, {Text: "damage", Count: 1}}
	if got.Kept != 3 || got.Of != 6 || got.Held || !reflect.DeepEqual(got.Causes, want) {
		t.Errorf("%+v", got)
	}
}

func TestVerificationsRestoresAndDrillsAreCountedWithTheirCauses(t *testing.T) {
	run := func(op report.Op, code int, message string) report.Run {
		return report.Run{Op: op, Code: code, Message: message, Started: noon, Ended: noon.Add(time.Minute)}
	}
	slice := runAt("app", noon)
	slice.Verified = &report.RunProof{Depth: 2}
	damaged := slice
	damaged.Verified = &report.RunProof{Depth: 2, Findings: 3}
	quick, slow := run(report.ARestore, 0, ""), run(report.ARestore, 0, "")
	quick.Restored = &report.RunRestored{FirstFile: 1, Done: 60}
	slow.Restored = &report.RunRestored{FirstFile: 2, Done: 301}
	runs := []report.Run{slice, damaged, run(report.AProof, 0, ""), run(report.AProof, 5, "no route"), quick, slow,
		run(report.ARestore, 3, "a path"), run(report.ADrill, 0, ""), run(report.ADrill, 7, "not the same")}
	if p := Proofs(runs); p.Kept != 2 || p.Of != 4 || len(p.Causes) != 2 || p.Causes[0].Text != "damage was found" {
		t.Errorf("%+v", p)
	}
	if p := Drills(runs); p.Kept != 1 || p.Of != 2 || p.Held || p.Causes[0].Text != "not the same" {
		t.Errorf("%+v", p)
	}
	r := Restores(runs)
	if r.Success.Kept != 2 || r.Success.Of != 3 || r.InTime.Kept != 1 || r.InTime.Of != 2 || r.Goal != 300 ||
		r.FirstFile != (report.Times{Median: 2, Max: 2}) || r.Done != (report.Times{Median: 301, Max: 301}) {
		t.Errorf("%+v", r)
	}
	if p := Drills(nil); !p.Held || p.Ratio != 1 {
		t.Errorf("%+v", p)
	}
}

func TestARepositoryIsFullWhenItsGrowthSaysSo(t *testing.T) {
	runs := hours(72)
	for i := range runs {
		runs[i].Space = &report.RunSpace{Stored: uint64(1000 + 10*i), Free: 5000}
	}
	runs[40].Space.Stored += 1 << 40 // an import that was pruned at once
	s := Sizes(Store{Location: "/r", Asked: true, Versions: 72, Full: 10_000, Unique: 4_000, Packed: 2_000, Stored: 1720, Free: 4800}, runs, noon)
	if math.Abs(s.PerDay-240) > 1 || !s.FullOn.Equal(noon.Add(20*24*time.Hour)) || len(s.Sizes) != 73 || s.Sizes[72].Stored != 1720 {
		t.Errorf("%g a day, full on %s, %d sizes", s.PerDay, s.FullOn, len(s.Sizes))
	}
	if math.Abs(s.Saved-0.828) > 1e-9 || s.Dedup != 0.6 || s.Compression != 0.5 || !reflect.DeepEqual(s.Profiles, []string{"app"}) {
		t.Errorf("%+v", s)
	}
	s = Sizes(Store{Location: "/r"}, runs, noon) // by the records
	if s.Stored != 1710 || s.Free != 5000 || s.Saved != 0 {
		t.Errorf("%+v", s)
	}
	for i := range runs {
		runs[i].Space = &report.RunSpace{Stored: uint64(9000 - 10*i), Free: 5000}
	}
	if s = Sizes(Store{Location: "/r"}, runs, noon); !s.FullOn.IsZero() || s.PerDay > -239 {
		t.Errorf("a repository that shrinks is never full: %+v", s)
	}
	if s = Sizes(Store{Location: "/r"}, runs[:10], noon); s.PerDay != 0 {
		t.Errorf("less than a day tells nothing: %+v", s)
	}
	if s = Sizes(Store{Location: "/r"}, hours(1000), noon); s.PerDay != 0 || len(s.Sizes) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestTheCostIsComparedWithTheBudget(t *testing.T) {
	runs := hours(3)
	for i := range runs {
		runs[i].Ended = runs[i].Started.Add(time.Duration(i+1) * time.Minute)
		u := report.Use{Mean: 0.1 * float64(i), P95: 0.2 * float64(i), Max: 0.3 * float64(i), Budget: 0.1}
		runs[i].Cost = &report.RunCost{CPU: u, IO: report.Use{Mean: 0.5}, Seconds: 2, DiskBytes: 5, Hour: &report.RunHour{CPU: 0.01 * float64(i), IO: 0.05 - 0.01*float64(i)}}
	}
	c := Cost(runs)
	if c.Runs != 3 || math.Abs(c.CPU.Mean-(0.1*2+0.2*3)/6) > 1e-9 || c.CPU.P95 != 0.4 || c.CPU.Max != 0.6 || c.CPU.Budget != 0.1 || c.Over != 1 || c.Seconds != 6 || c.DiskBytes != 15 || c.Hour != (report.RunHour{CPU: 0.02, IO: 0.05}) || c.Duration != 120 || c.DurationUp != 180 {
		t.Errorf("%+v", c)
	}
	if c := Cost(hours(3)); c != nil {
		t.Errorf("nothing was measured: %+v", c)
	}
}

func TestAReportNamesWhatNeedsAttention(t *testing.T) {
	p := hourly(t)
	runs := hours(80)
	look := Look{Asked: true, Versions: versionsOf(runs)}
	known := Known{Now: noon.Add(time.Minute), Since: noon.AddDate(0, 0, -7), Host: "web1",
		Profiles: []Profile{{p, look, runs}}, Stores: []Store{{Location: "/r", Asked: true, Stored: 5}}}
	r := Review(known)
	if !r.Good || len(r.Attention) != 0 || len(r.Profiles[0].Slots) != 72 || r.Profiles[0].Last.ID != runs[79].Snapshot.ID || len(r.Repositories) != 1 {
		t.Errorf("%+v", r)
	}
	known.Unreadable = []string{"x"}
	known.Silent = []report.SilentHost{{Host: "old", Newest: noon.AddDate(0, 0, -40), Next: "qsnap forget --host old"}}
	known.Others = []report.Run{{Op: report.ARestore, Code: 7, Started: noon, Ended: noon, Message: "damaged"}}
	known.Profiles[0].Runs = append(runs[:75:75], runs[76:]...)
	r = Review(known)
	want := []string{"app started on time for 98.8 % of its slots; the goal is 99.90 %", "1 of 1 restore failed",
		`host old has made no version for 40 d: run "qsnap forget --host old" if it is gone`, "1 record of the history can't be read"}
	if r.Good || !reflect.DeepEqual(r.Attention, want) || !strings.HasSuffix(r.Summary, "; but 4 things need attention.") {
		t.Errorf("%q\n%s", r.Attention, r.Summary)
	}
}
