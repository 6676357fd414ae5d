package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The expressions of TestClockChanges: one that is due in each hour, one at fixed times
// around each change, and one that is due in some hours and follows the clock.
const (
	hourly  = "0 * * * *"
	fixed   = "15,45 0,1,2,23 * * *"
	follows = "*/30 0-2,23 * * *"
)

// The tables were written by hand. A slot is what the clock shows, and its offset from UTC.
func TestClockChanges(t *testing.T) {
	for _, c := range []struct {
		zone, change    string
		from, to        string
		hourly          string
		fixed           string
		followsTheClock string
	}{
		{
			zone: "Europe/Berlin", change: "02:00 becomes 03:00",
			from: "2026-03-29T00:00:00+01:00", to: "2026-03-29T04:59:00+02:00",
			hourly:          "00:00+01 01:00+01 03:00+02 04:00+02",
			fixed:           "00:15+01 00:45+01 01:15+01 01:45+01 03:00+02",
			followsTheClock: "00:00+01 00:30+01 01:00+01 01:30+01",
		}, {
			zone: "Europe/Berlin", change: "03:00 becomes 02:00",
			from: "2026-10-25T01:00:00+02:00", to: "2026-10-25T03:59:00+01:00",
			hourly:          "01:00+02 02:00+02 02:00+01 03:00+01",
			fixed:           "01:15+02 01:45+02 02:15+02 02:45+02",
			followsTheClock: "01:00+02 01:30+02 02:00+02 02:30+02 02:00+01 02:30+01",
		}, {
			zone: "America/New_York", change: "02:00 becomes 03:00",
			from: "2026-03-08T00:00:00-05:00", to: "2026-03-08T04:59:00-04:00",
			hourly:          "00:00-05 01:00-05 03:00-04 04:00-04",
			fixed:           "00:15-05 00:45-05 01:15-05 01:45-05 03:00-04",
			followsTheClock: "00:00-05 00:30-05 01:00-05 01:30-05",
		}, {
			zone: "America/New_York", change: "02:00 becomes 01:00",
			from: "2026-11-01T00:00:00-04:00", to: "2026-11-01T03:59:00-05:00",
			hourly:          "00:00-04 01:00-04 01:00-05 02:00-05 03:00-05",
			fixed:           "00:15-04 00:45-04 01:15-04 01:45-04 02:15-05 02:45-05",
			followsTheClock: "00:00-04 00:30-04 01:00-04 01:30-04 01:00-05 01:30-05 02:00-05 02:30-05",
		}, {
			zone: "Australia/Lord_Howe", change: "02:00 becomes 02:30",
			from: "2026-10-04T01:00:00+10:30", to: "2026-10-04T03:59:00+11:00",
			hourly:          "01:00+1030 03:00+11",
			fixed:           "01:15+1030 01:45+1030 02:30+11 02:45+11",
			followsTheClock: "01:00+1030 01:30+1030 02:30+11",
		}, {
			zone: "Australia/Lord_Howe", change: "02:00 becomes 01:30",
			from: "2026-04-05T01:00:00+11:00", to: "2026-04-05T03:59:00+10:30",
			hourly:          "01:00+11 02:00+1030 03:00+1030",
			fixed:           "01:15+11 01:45+11 02:15+1030 02:45+1030",
			followsTheClock: "01:00+11 01:30+11 01:30+1030 02:00+1030 02:30+1030",
		}, {
			zone: "America/Santiago", change: "24:00 becomes 01:00",
			from: "2026-09-05T22:00:00-04:00", to: "2026-09-06T03:59:00-03:00",
			hourly:          "22:00-04 23:00-04 01:00-03 02:00-03 03:00-03",
			fixed:           "23:15-04 23:45-04 01:00-03 01:15-03 01:45-03 02:15-03 02:45-03",
			followsTheClock: "23:00-04 23:30-04 01:00-03 01:30-03 02:00-03 02:30-03",
		}, {
			zone: "America/Santiago", change: "24:00 becomes 23:00",
			from: "2026-04-04T22:00:00-03:00", to: "2026-04-05T01:59:00-04:00",
			hourly:          "22:00-03 23:00-03 23:00-04 00:00-04 01:00-04",
			fixed:           "23:15-03 23:45-03 00:15-04 00:45-04 01:15-04 01:45-04",
			followsTheClock: "23:00-03 23:30-03 23:00-04 23:30-04 00:00-04 00:30-04 01:00-04 01:30-04",
		},
	} {
		for expr, want := range map[string]string{hourly: c.hourly, fixed: c.fixed, follows: c.followsTheClock} {
			s := cron(t, expr, c.zone)
			var forward, backward []string
			for slot := s.Next(at(t, c.from).Add(-1)); !slot.After(at(t, c.to)); slot = s.Next(slot) {
				forward = append(forward, onTheClock(slot))
			}
			for slot := s.Slot(at(t, c.to)); !slot.Before(at(t, c.from)); slot = s.Slot(slot.Add(-1)) {
				backward = append(backward, onTheClock(slot))
			}
			if got := strings.Join(forward, " "); got != want {
				t.Errorf("%s, where %s, %q:\n got %s\nwant %s", c.zone, c.change, expr, got, want)
			}
			if slices.Reverse(backward); !slices.Equal(forward, backward) {
				t.Errorf("%s, where %s, %q: backward\n got %s\nwant %s", c.zone, c.change, expr, backward, want)
			}
		}
	}
}

// onTheClock formats a slot as in the tables.
func onTheClock(slot time.Time) string {
	return strings.TrimSuffix(slot.Format("15:04-0700"), "00")
}

// Samoa left out 30 December 2011. Nothing is due after it because of that.
func TestALargeChangeIsACorrectionOfTheClock(t *testing.T) {
	s := cron(t, "30 2 * * *", "Pacific/Apia")
	slot := s.Next(at(t, "2011-12-29T00:00:00-10:00"))
	for _, want := range []string{"2011-12-29T02:30:00-10:00", "2011-12-31T02:30:00+14:00"} {
		if got := slot.Format(time.RFC3339); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		slot = s.Next(slot)
	}
}

func TestAFixedTimeThatTheClockSkipsIsDueOnceWithTheOneRightAfter(t *testing.T) {
	s := cron(t, "0,15,30,45 2,3 * * *", "Europe/Berlin")
	slot := s.Next(at(t, "2026-03-29T00:00:00+01:00"))
	for _, want := range []string{"03:00+02", "03:15+02"} {
		if got := onTheClock(slot); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		slot = s.Next(slot)
	}
}
