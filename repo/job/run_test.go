//go:build unix

package job

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo/report"
)

func TestARunMakesItsStepsInOrderAndRecordsThem(t *testing.T) {
	s := newSite(t, true)
	got := s.run(s.options("schedule: {every: 1h}\nretention: {keep-last: 3}\n"+noted), 0)
	if want := []string{"before", "snapshot", "after", "retention", "verification", "on-success"}; !slices.Equal(stepsOf(got), want) {
		t.Errorf("%q, want %q", stepsOf(got), want)
	}
	if log := s.read("log"); log != "before app\nafter taken\non-success 0\n" {
		t.Errorf("%q", log)
	}
	m := s.versions("repo")[0]
	slot := time.Date(2026, 11, 30, 14, 0, 0, 0, time.UTC)
	if m.Hostname != "web1" || m.Job.Profile != "app" || !m.Job.Slot.Equal(slot) || m.Job.Installation.IsZero() || !strings.Contains(string(m.Job.Settings), "keep-last: 3") {
		t.Errorf("%+v", m)
	}
	if got.Snapshot == nil || got.Snapshot.ID != m.ID || !got.Snapshot.Good || got.Retained.Kept != 1 || got.Verified.Depth != 1 {
		t.Errorf("%+v", got)
	}
	runs := s.history()
	if len(runs) != 1 || runs[0].ID != got.ID || runs[0].Trigger != report.ByHand || runs[0].Ended.IsZero() || !slices.Equal(stepsOf(runs[0]), stepsOf(got)) {
		t.Errorf("%+v", runs)
	}
	if len(s.warnings) > 0 {
		t.Errorf("%q", s.warnings)
	}
}

func TestASlotIsDoneOnce(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {cron: '0 * * * *', zone: Europe/Berlin}")
	o.Scheduled = true
	if got := s.run(o, 0); got.Skipped != "" || got.Trigger != report.BySchedule {
		t.Errorf("%+v", got)
	}
	if got := s.run(o, 0); got.Skipped != "slot 15:00 is done" || got.Snapshot != nil {
		t.Errorf("%+v", got)
	}
	byHand := o
	byHand.Scheduled = false
	if got := s.run(byHand, 0); got.Skipped != "" || got.Snapshot == nil {
		t.Errorf("a run by hand: %+v", got)
	}
	byHand.SkipIfYounger = time.Hour
	if got := s.run(byHand, 0); !strings.HasPrefix(got.Skipped, "the last good version is ") {
		t.Errorf("a young version: %+v", got)
	}
	s.now = s.now.Add(time.Hour)
	if got := s.run(o, 0); got.Skipped != "" {
		t.Errorf("the next slot: %+v", got)
	}
	s.now = s.now.Add(-24 * time.Hour) // the record of that slot is of the future
	for range 2 {
		s.now = s.now.Add(time.Minute)
		o.Profile.Paused = !o.Profile.Paused
		if got := s.run(o, 0); (got.Skipped == "the profile is paused") != o.Profile.Paused {
			t.Errorf("%+v", got)
		}
	}
	if got := len(s.history()); got != 4 {
		t.Errorf("%d runs are recorded", got)
	}
}

func TestAVersionWhoseRunDiedBeforeItsRecordIsNotMadeTwice(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}")
	o.Scheduled = true
	first := s.run(o, 0)
	for _, lost := range []string{"history", "live"} { // as if it had been killed after the snapshot
		if err := os.RemoveAll(s.path("state/" + lost)); err != nil {
			t.Fatal(err)
		}
	}
	s.now = s.now.Add(time.Minute)
	again := s.run(o, 0)
	if again.Skipped != "" || again.Snapshot == nil || again.Snapshot.ID != first.Snapshot.ID {
		t.Errorf("%+v, want version %s", again, first.Snapshot.ID)
	}
	if n := len(s.versions("repo")); n != 1 {
		t.Errorf("%d versions", n)
	}
	if got := s.run(o, 0); got.Skipped != "slot 14:00 is done" {
		t.Errorf("%+v", got)
	}
	s.now = s.now.Add(time.Hour)
	if got := s.run(o, 0); got.Snapshot == nil || got.Snapshot.ID == first.Snapshot.ID {
		t.Errorf("the next slot: %+v", got)
	}
}

func TestARunThatASchedulerAsksForTwiceIsMadeOnce(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}")
	o.ID = "00ff"
	if got := s.run(o, 0); got.ID != "00ff" || got.Snapshot == nil {
		t.Errorf("%+v", got)
	}
	if got := s.run(o, 0); got.Skipped != "run 00ff was made already" {
		t.Errorf("%+v", got)
	}
	if n := len(s.versions("repo")); n != 1 {
		t.Errorf("%d versions", n)
	}
}

func TestARunMakesNoRepository(t *testing.T) {
	s := newSite(t, false)
	got := s.run(s.options(noted), exit.NoRepo)
	if !strings.Contains(got.Message, "is a disk not mounted?") || got.Kind != report.NoRepository {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(s.path("repo")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("there is one")
	}
	if log := s.read("log"); !strings.HasPrefix(log, "before app\nafter \non-failure 10 ") || !strings.Contains(s.read("input"), `"kind":"no-repository"`) {
		t.Errorf("%q, %s", log, s.read("input"))
	}
}

func TestOneRunOfAProfileIsUnderWay(t *testing.T) {
	s := newSite(t, true)
	o := s.options("")
	x, err := begin(o)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := x.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrRunning) || exit.Of(err, true).Code != exit.Running {
		t.Errorf("%v", err)
	}
	o.Wait = true
	done := make(chan error)
	go func() { _, err := Run(context.WithoutCancel(t.Context()), o); done <- err }()
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("a run that waited: %v", err)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}\nretention: {keep-last: 1, keep-extra: 0}\n" + noted)
	s.run(o, 0)
	before := s.read("log")
	s.now = s.now.Add(time.Hour)
	s.write("src/a", "second, which is longer")
	o.DryRun = true
	got := s.run(o, 0)
	if got.Snapshot == nil || got.Snapshot.New == 0 || got.Retained == nil || len(s.versions("repo")) != 1 || len(s.history()) != 1 || s.read("log") != before {
		t.Errorf("%+v", got)
	}
}

func TestARunIsHeldToItsBudget(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}\nlimits: {mode: always, cpu: 50%, io: 60%, first: \"off\", memory: 128M, hours: [{when: \"15:00-16:00\", cpu: 40%}]}\n")
	first := s.run(o, 0)
	if c := first.Cost; c == nil || c.Mode != "off" || c.CPU.Budget != 0 || c.Memory.Budget != 128<<20 {
		t.Errorf("the first one: %+v", c)
	}
	second := s.run(o, 0)
	if c := second.Cost; c == nil || c.Mode != "always" || c.CPU.Budget != 0.5 || c.IO.Budget != 0.6 {
		t.Errorf("the second one: %+v", c)
	}
	s.now = s.now.Add(time.Hour)
	if c := s.run(o, 0).Cost; c.CPU.Budget != 0.4 || c.IO.Budget != 0.6 {
		t.Errorf("at other hours: %+v", c)
	}
	o.NoLimit = true
	if c := s.run(o, 0).Cost; c.Mode != "off" || c.Memory.Budget != 0 {
		t.Errorf("without limits: %+v", c)
	}
}

func TestARunThatWouldLastTooLongSaysSoBefore(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}\nlimits: {mode: always, cpu: 1%, io: 100%}\n")
	if err := o.fill(); err != nil {
		t.Fatal(err)
	}
	d, err := state.Open(s.path("state"), o.Rand, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	err = history.Open(d).Add(report.Run{
		ID: "1", Profile: "app", Started: s.now, Ended: s.now, Snapshot: &report.RunTaken{Good: true}, Cost: &report.RunCost{Seconds: 86_400},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.run(o, 0)
	if len(s.warnings) == 0 || !strings.Contains(s.warnings[0], "1h0m0s") || !strings.Contains(s.warnings[0], "interval") {
		t.Errorf("%q", s.warnings)
	}
}

func TestARunThatHasNotBegunHasItsExitCode(t *testing.T) {
	s := newSite(t, true)
	o := s.options("")
	x, err := begin(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.run(o, exit.Running); got.Kind != report.Running || !got.Ended.IsZero() || got.Message == "" {
		t.Errorf("%+v", got)
	}
}
