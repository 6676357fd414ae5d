//go:build unix

package job

import (
	"fmt"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

func (s *site) estimate(keys string) report.Estimate {
	s.t.Helper()
	e, err := Estimate(s.t.Context(), s.options(keys))
	if err != nil {
		s.t.Fatalf("%v; %q", err, s.warnings)
	}
	return e
}

func TestAnEstimateIsOfTheNextRunAndOfTheMonth(t *testing.T) {
	s := newSite(t, true)
	schedule := "schedule: {every: 1h, full: weekly}\nretention: {keep-last: 4}\n"
	e := s.estimate(schedule)
	if e.Level != "full" || e.Next.Read != 5 || e.Next.Stored == 0 || e.Files != 1 || e.Versions != 0 || e.Most != nil || e.Month != nil {
		t.Errorf("before the first run: %+v", e)
	}
	if len(s.versions("repo")) != 0 || len(s.history()) != 0 {
		t.Error("an estimate has made a version or a record")
	}
	for i := range 4 {
		s.write("src/a", fmt.Sprintf("version %d", i))
		s.run(s.options(schedule), 0)
		s.now = s.now.Add(time.Hour)
	}
	s.write("src/a", "something longer")
	e = s.estimate(schedule)
	if e.Level != "incremental" || e.Next.Read != 16 || e.Versions != 3 || e.Most == nil || e.Most.Read != 16 {
		t.Errorf("the next run: %+v, %+v", e, e.Most)
	}
	if m := e.Month; m == nil || m.Runs != 720 || m.Read < 720*9-10 || m.Read > 720*9+100 || m.Stored == 0 || e.Grows == nil || *e.Grows > m.Stored {
		t.Errorf("the month: %+v", m)
	}
	if e.MessageType != "estimate" || e.Profile != "app" || e.Host != "web1" || e.Days != 30 {
		t.Errorf("%+v", e)
	}
}

func TestWithoutAScheduleRunsGoOnAsOftenAsBefore(t *testing.T) {
	s := newSite(t, true)
	for i := range 3 {
		s.write("src/a", fmt.Sprintf("version %d", i))
		s.run(s.options(""), 0)
		s.now = s.now.Add(24 * time.Hour)
	}
	if e := s.estimate(""); e.Month == nil || e.Month.Runs < 29 || e.Month.Runs > 30 {
		t.Errorf("%+v", e.Month)
	}
}
