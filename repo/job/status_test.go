//go:build unix

package job

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/target"
)

// look returns options to look at the profile with these further keys.
func (s *site) look(keys string) LookOptions {
	o := s.options(keys)
	return LookOptions{Profiles: []profile.Profile{o.Profile}, State: o.State, Getenv: o.Getenv, Now: o.Now, Warn: o.Warn}
}

// status returns how the profile stands, and expects an exit code.
func (s *site) status(o LookOptions, code int) report.Standing {
	s.t.Helper()
	got, err := Status(s.t.Context(), o)
	if exit.Of(err, true).Code != code || len(got.Profiles) != 1 {
		s.t.Fatalf("%v, want exit code %d: %+v", err, code, got)
	}
	return got.Profiles[0]
}

func TestAProfileIsOverdueWhateverTheHistorySays(t *testing.T) {
	s := newSite(t, true)
	const keys = "schedule: {every: 1h}"
	if got := s.status(s.look(keys), exit.Overdue); got.State != report.IsOverdue || got.Known != report.FromRepository {
		t.Errorf("%+v", got)
	}
	run := s.run(s.options(keys), exit.OK)
	if got := s.status(s.look(keys), exit.OK); got.State != report.IsGood || got.LastGoodID != run.Snapshot.ID || got.OverdueAge != 7200 {
		t.Errorf("%+v", got)
	}
	o := s.look(keys)
	o.Overdue = time.Minute
	s.now = s.now.Add(2 * time.Minute)
	if got := s.status(o, exit.Overdue); got.Age < 110 {
		t.Errorf("%+v", got)
	}

	// The history says that there is a version; the repository is another one.
	if err := os.Rename(s.path("repo"), s.path("away")); err != nil {
		t.Fatal(err)
	}
	if got := s.status(s.look(keys), exit.NoRepo); got.State != report.IsUnreachable || got.LastGood.IsZero() || got.Known != report.FromRecords {
		t.Errorf("%+v", got)
	}
	s.makeRepo("repo")
	if got := s.status(s.look(keys), exit.Overdue); !got.LastGood.IsZero() {
		t.Errorf("%+v", got)
	}

	// Without any history, the repository tells all.
	for _, name := range []string{"repo", "state"} {
		if err := os.RemoveAll(s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(s.path("away"), s.path("repo")); err != nil {
		t.Fatal(err)
	}
	if got := s.status(s.look(keys), exit.OK); got.LastGoodID != run.Snapshot.ID {
		t.Errorf("%+v", got)
	}
}

func TestARepositoryThatNeverAnswersIsOutOfReach(t *testing.T) {
	s := newSite(t, true)
	s.run(s.options("schedule: {every: 1h}"), exit.OK)
	o := s.look("schedule: {every: 1h}")
	o.Profiles[0].Repo = profile.Location{URL: "stuck://host/dir"}
	o.Patience = 20 * time.Millisecond
	held := make(chan struct{})
	defer close(held)
	o.Schemes = map[string]connect.Scheme{"stuck": {Open: func(context.Context, connect.Endpoint) (target.Target, error) {
		<-held // whatever the context says
		return nil, errors.New("too late")
	}}}
	got := s.status(o, exit.Unreachable)
	if got.State != report.IsUnreachable || !strings.Contains(got.Summary, "no answer within 20ms") || got.LastGood.IsZero() {
		t.Errorf("%+v", got)
	}
}

func TestTheHooksAreRunOncePerChangeOfState(t *testing.T) {
	s := newSite(t, true)
	const keys = "schedule: {every: 1h}\nhooks: {on-overdue: [{shell: 'echo \"$QSNAP_STATE $QSNAP_PROFILE\" >>ROOT/told; test ! -e ROOT/broken; cat >ROOT/input'}]}"
	notify := func() error {
		t.Helper()
		got, _ := Status(t.Context(), s.look(keys))
		return NotifyOverdue(t.Context(), s.look(keys), got)
	}
	check := func(want string) {
		t.Helper()
		if err := notify(); err != nil {
			t.Error(err)
		}
		if got := s.read("told"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	s.write("broken", "")
	if err := notify(); err == nil || !strings.Contains(err.Error(), "on-overdue") {
		t.Error("a hook that fails is no error:", err)
	}
	if err := os.Remove(s.path("broken")); err != nil {
		t.Fatal(err)
	}
	check("overdue app\noverdue app\n") // the one that failed, and again
	check("overdue app\noverdue app\n")
	if !strings.Contains(s.read("input"), `"state":"overdue"`) {
		t.Error(s.read("input"))
	}
	s.run(s.options("schedule: {every: 1h}"), exit.OK)
	check("overdue app\noverdue app\ngood app\n")
	check("overdue app\noverdue app\ngood app\n")
	if err := os.Rename(s.path("repo"), s.path("away")); err != nil {
		t.Fatal(err)
	}
	check("overdue app\noverdue app\ngood app\n") // nobody knows
	if err := os.Rename(s.path("away"), s.path("repo")); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(3 * time.Hour)
	check("overdue app\noverdue app\ngood app\noverdue app\n")
}

func TestStatisticsAreOfTheRecordsAndOfTheRepository(t *testing.T) {
	s := newSite(t, true)
	const keys = "schedule: {every: 1h}\nretention: {keep-last: 25}"
	s.write("src/a", strings.Repeat("the same line\n", 20_000))
	start := s.now
	for i := range 30 {
		s.now = start.Add(time.Duration(i) * time.Hour)
		if i == 7 { // nothing ran
			continue
		}
		if i == 9 {
			s.now = s.now.Add(10 * time.Minute)
		}
		s.write("src/b", strings.Repeat(time.Duration(i).String(), 1000))
		o := s.options(keys)
		o.Scheduled = true
		s.run(o, exit.OK)
	}
	got, err := Statistics(t.Context(), s.look(keys))
	if err != nil || len(got.Profiles) != 1 || len(got.Repositories) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	p, r := got.Profiles[0], got.Repositories[0]
	if p.State != report.IsGood || p.OnTime.Of != 30 || p.OnTime.Kept != 28 || p.Success.Of != 29 || p.Success.Kept != 29 {
		t.Errorf("%+v", p)
	}
	if p.Versions.Slots != 25 || p.Versions.Wanted != 25 || !p.Versions.Enough || p.Schedule != "every 1h" {
		t.Errorf("%+v", p.Versions)
	}
	if n := len(p.Slots); n != 25 || p.Slots[n-1].State != report.SlotGood || p.Slots[n-23].State != report.SlotMissed || p.Slots[n-21].Late < 400 {
		t.Errorf("%+v", p.Slots)
	}
	if r.Versions != 25 || r.Stored == 0 || r.FullBytes < 500_000 || r.Free == 0 || len(r.Sizes) < 29 || len(r.Profiles) != 1 {
		t.Errorf("%+v", r)
	}
	if got.Good || len(got.Attention) != 1 || !strings.Contains(got.Attention[0], "on time") || got.Installation == "" {
		t.Errorf("%+v", got.Attention)
	}

	o := s.look(keys)
	o.Offline = true
	if got, err = Statistics(t.Context(), o); err != nil || got.Profiles[0].Known != report.FromRecords || got.Profiles[0].Versions.Slots != 25 || got.Repositories[0].FullBytes != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := os.Rename(s.path("repo"), s.path("away")); err != nil {
		t.Fatal(err)
	}
	if got, err = Statistics(t.Context(), s.look(keys)); err != nil || got.Profiles[0].State != report.IsUnreachable || got.Good {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestADamagedRecordIsNamedInTheStatistics(t *testing.T) {
	s := newSite(t, true)
	s.run(s.options("schedule: {every: 1h}"), exit.OK)
	files, err := filepath.Glob(s.path("state/history/app/*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Truncate(files[0], 20); err != nil {
		t.Fatal(err)
	}
	got, err := Statistics(t.Context(), s.look("schedule: {every: 1h}"))
	if err != nil || len(got.Unreadable) != 1 || !strings.Contains(got.Unreadable[0], files[0]) || len(s.warnings) != 1 {
		t.Errorf("%+v, %v, %q", got.Unreadable, err, s.warnings)
	}
}
