package unit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

// schedules are those that are tried on each scheduler.
var schedules = []string{
	"every 1h", "every 10m", "every 90m", "every 7h", "every 24h", "every 168h", "every 11m",
	"cron 0 * * * * Europe/Berlin", "cron 30 2 * * * Europe/Berlin", "cron 30 2 * * * America/New_York",
	"cron 15,45 1 * * * Australia/Lord_Howe", "cron 0 3 * * sun Asia/Kolkata", "cron 0 0 1 * * Europe/Berlin",
	"cron 0 12 13 6 fri UTC", "cron 0 0 29 2 * UTC", "cron */5 8-17 * * mon-fri Europe/Berlin",
}

// in reports whether a time is one of the times, on a clock in its zone.
func (t times) in(at time.Time) bool {
	has := func(set []int, v int) bool { return len(set) == 0 || slices.Contains(set, v) }
	return slices.Contains(t.seconds, at.Hour()*3600+at.Minute()*60+at.Second()) &&
		has(t.weekdays, int(at.Weekday())) && has(t.days, at.Day()) && has(t.months, int(at.Month()))
}

func TestEachSlotIsAmongTheTimes(t *testing.T) {
	now := time.Date(2026, 11, 30, 14, 59, 0, 0, time.UTC)
	for _, text := range schedules {
		for _, name := range []string{"UTC", "Europe/Berlin", "Australia/Lord_Howe"} {
			s, z := schedule(t, text), zone(t, name)
			var later time.Duration
			if s.Period() != 0 {
				later = 90 * time.Second
			}
			all := timesOf(s, later, z, now)
			for slot := s.Next(now); slot.Before(now.AddDate(3, 0, 0)); slot = s.Next(slot) {
				if at := slot.In(z).Add(later); !all.in(at) {
					t.Errorf("%s: %s is not among the times in %s", s, at, z)
					break
				}
			}
		}
	}
}

func TestTimesAreWrittenShort(t *testing.T) {
	for text, want := range map[string]string{
		"every 1h":                                  "*-*-* *:00:00 UTC | 0 * * * *",
		"every 10m":                                 "*-*-* *:00,10,20,30,40,50:00 UTC | 0,10,20,30,40,50 * * * *",
		"every 90m":                                 "*-*-* 00,03,06,09,12,15,18,21:00:00 UTC; *-*-* 01,04,07,10,13,16,19,22:30:00 UTC | 0 1,2,4,5,7,8,10,11,13,14,16,17,19,20,22,23 * * *; 30 0,2,3,5,6,8,9,11,12,14,15,17,18,20,21,23 * * *",
		"every 7h":                                  "*-*-* *:00:00 UTC | 0 * * * *",
		"cron 0 * * * * Europe/Berlin":              "*-*-* *:00:00 UTC | 0 * * * *",
		"cron 30 2 * * * Europe/Berlin":             "*-*-* 01:00:00 UTC; *-*-* 00,01:30:00 UTC | 30 2 * * *",
		"cron 30 2 * * * UTC":                       "*-*-* 02:30:00 UTC | 30 3,4 * * *",
		"cron 0 3 * * sun Asia/Kolkata":             "Sat *-*-* 21:30:00 UTC | 30 22,23 * * 6",
		"cron 0 0 1 * * Europe/Berlin":              "*-*-28,29,30,31 22,23:00:00 UTC | 0 0 1 * *",
		"cron 0 12 13 6 fri UTC":                    "*-06-* 12:00:00 UTC | 0 14 * 6 *",
		"cron 0 0 29 2 * UTC":                       "*-02-29 00:00:00 UTC | 0 1 29 2 *",
		"cron 0 12 * jan-mar mon-fri Europe/Berlin": "Mon,Tue,Wed,Thu,Fri *-01,02,03-* 10,11:00:00 UTC | 0 12 * jan-mar mon-fri",
	} {
		j := job(t, text)
		lines, err := j.cronTimes()
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%s | %s", strings.Join(timesOf(j.Schedule, 0, time.UTC, j.Now).onCalendar(), "; "), strings.Join(lines, "; "))
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

// The lines of a crontab are read by the calendar, which has the rules of cron(8).
func TestCronStartsARunAtEachSlot(t *testing.T) {
	for _, text := range schedules {
		j := job(t, text)
		lines, err := j.cronTimes()
		if err != nil {
			t.Fatal(err)
		}
		var starts []calendar.Schedule
		for _, line := range lines {
			s, err := calendar.Cron(line, j.Zone)
			if err != nil {
				t.Fatal(err)
			}
			starts = append(starts, s)
		}
		missed := 0
		for slot := j.Schedule.Next(j.Now); slot.Before(j.Now.AddDate(2, 0, 0)); slot = j.Schedule.Next(slot) {
			if !slices.ContainsFunc(starts, func(s calendar.Schedule) bool { return s.Slot(slot).Equal(slot) }) {
				missed++
			}
		}
		// In the hour that a clock shows twice, cron starts what is not at each hour only
		// once. A slot in it is taken at the next time.
		if missed > 4 {
			t.Errorf("%s: %d slots are missed by %q", text, missed, lines)
		}
	}
}

func TestJitterMovesTheTimes(t *testing.T) {
	j := job(t, "every 1h")
	j.Jitter = 150 * time.Second
	if got := timesOf(j.Schedule, j.Jitter, time.UTC, j.Now).onCalendar(); !slices.Equal(got, []string{"*-*-* *:02:30 UTC"}) {
		t.Errorf("systemd: %q", got)
	}
	if got, err := j.cronTimes(); err != nil || !slices.Equal(got, []string{"2 * * * *"}) {
		t.Errorf("cron: %q, %v", got, err)
	}
}
