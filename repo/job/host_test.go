//go:build unix

package job

import (
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot/retention"
)

func TestARunThatNoServiceHasStartedIsCancelledByItsNameOrItsProfile(t *testing.T) {
	s := newSite(t, false)
	h := Host{State: s.path("state"), Getenv: s.getenv, Now: s.clock}
	d, err := h.open()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"17", "app"} {
		process := exec.Command("sleep", "3600")
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		shown, err := d.Show(report.RunProgress{ID: "17", Profile: "app", PID: process.Process.Pid, Started: s.clock()})
		if err != nil {
			t.Fatal(err)
		}
		if running, err := h.Running(); err != nil || len(running) != 1 || running[0].Profile != "app" {
			t.Errorf("%+v, %v", running, err)
		}
		if err := h.Cancel(t.Context(), "other"); !errors.Is(err, ErrNoRun) {
			t.Errorf("another one: %v", err)
		}
		if err := h.Cancel(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
			_ = process.Process.Kill()
		}
		if err := process.Wait(); err == nil {
			t.Error("it was not interrupted")
		}
		if err := shown.End(); err != nil {
			t.Error(err)
		}
	}
}

func TestACleanUpKeepsWhatEitherRuleKeeps(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}")
	for range 4 {
		s.run(o, 0)
		s.mu.Lock()
		s.now = s.now.Add(time.Hour)
		s.mu.Unlock()
	}
	if _, err := CleanUp(t.Context(), o, CleanUpOptions{}); err == nil {
		t.Error("no rule is enough")
	}
	for _, c := range []struct {
		o    CleanUpOptions
		want int
	}{
		{CleanUpOptions{Keep: 3, DryRun: true}, 3}, {CleanUpOptions{Within: retention.Span{Hours: 2}, DryRun: true}, 2},
		{CleanUpOptions{Keep: 1, Within: retention.Span{Hours: 3}}, 3}, {CleanUpOptions{Keep: 1}, 1},
	} {
		before := len(s.versions("repo"))
		r, err := CleanUp(t.Context(), o, c.o)
		after := len(s.versions("repo"))
		if err != nil || r.Kept != c.want || len(r.Forgotten) != before-c.want || !c.o.DryRun && after != c.want || c.o.DryRun && after != before {
			t.Errorf("%+v: %d kept, %d forgotten of %d, %d left, %v", c.o, r.Kept, len(r.Forgotten), before, after, err)
		}
	}
	u, err := Usage(t.Context(), o)
	if err != nil || u.Versions != 1 || u.Full != 5 || u.Stored.ChunkBytes != 5 || u.Oldest != u.Newest {
		t.Errorf("%+v, %v", u, err)
	}
	o.Profile.Repo.URL = s.path("none")
	if _, err := Trend(t.Context(), o); !errors.Is(err, repo.ErrNoRepository) {
		t.Error(err)
	}
}
