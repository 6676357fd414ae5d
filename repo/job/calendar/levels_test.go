package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/snapshot"
)

func levels(t *testing.T, full, differential string) calendar.Levels {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	f, err := calendar.ParseRecurrence(full, berlin)
	if err != nil {
		t.Fatal(err)
	}
	d, err := calendar.ParseRecurrence(differential, berlin)
	if err != nil {
		t.Fatal(err)
	}
	return calendar.Levels{Full: f, Differential: d}
}

// taken runs a schedule from one time to another, but for the hours in which the machine
// is off, and returns the slots whose level isn't incremental.
func taken(l calendar.Levels, s calendar.Schedule, from, to time.Time, off func(time.Time) bool) (lines []string) {
	var full, differential time.Time
	for slot := s.Next(from.Add(-1)); slot.Before(to); slot = s.Next(slot) {
		if off(slot) {
			continue
		}
		switch level := l.At(slot, full, differential); level {
		case snapshot.LevelFull:
			full = slot
			lines = append(lines, slot.Format("01-02T15 ")+level.String())
		case snapshot.LevelDifferential:
			differential = slot
			lines = append(lines, slot.Format("01-02T15 ")+level.String())
		}
	}
	return lines
}

func TestTheFirstRunOfAPeriodTakesItsLevel(t *testing.T) {
	hourly := cron(t, "@hourly", "Europe/Berlin")
	from, to := at(t, "2026-11-30T10:00:00+01:00"), at(t, "2026-12-02T12:00:00+01:00") // from a Monday
	offAt := func(hours ...string) func(time.Time) bool {
		return func(at time.Time) bool { return strings.Contains(strings.Join(hours, " "), at.Format("02T15")) }
	}
	for _, c := range []struct {
		full, differential string
		off                func(time.Time) bool
		want               string
	}{
		{"daily", "never", offAt(), "11-30T10 full, 12-01T00 full, 12-02T00 full"},
		{"daily", "never", offAt("01T00", "01T01"), "11-30T10 full, 12-01T02 full, 12-02T00 full"},
		{"weekly", "daily", offAt(), "11-30T10 full, 12-01T00 differential, 12-02T00 differential"},
		{"monthly", "daily", offAt("01T00"), "11-30T10 full, 12-01T01 full, 12-02T00 differential"},
		{"never", "daily", offAt(), "11-30T10 differential, 12-01T00 differential, 12-02T00 differential"},
		{"never", "never", offAt(), ""},
		{"0 3 * * *", "0 */12 * * *", offAt("01T03"), "11-30T10 full, 11-30T12 differential, 12-01T00 differential, 12-01T04 full, 12-01T12 differential, 12-02T00 differential, 12-02T03 full"},
	} {
		l := levels(t, c.full, c.differential)
		if got := strings.Join(taken(l, hourly, from, to, c.off), ", "); got != c.want {
			t.Errorf("full %s, differential %s:\n got %s\nwant %s", c.full, c.differential, got, c.want)
		}
		if l.Differentials() != (c.differential != "never") {
			t.Errorf("differential %s: Differentials() = %v", c.differential, l.Differentials())
		}
	}
}

func TestAWeekBeginsOnMondayInTheZone(t *testing.T) {
	l := levels(t, "weekly", "never")
	last := at(t, "2026-11-29T22:30:00Z") // Sunday 23:30 in Berlin
	if got := l.At(at(t, "2026-11-29T22:59:00Z"), last, time.Time{}); got != snapshot.LevelIncremental {
		t.Errorf("on Sunday: %s", got)
	}
	if got := l.At(at(t, "2026-11-29T23:00:00Z"), last, time.Time{}); got != snapshot.LevelFull {
		t.Errorf("on Monday: %s", got)
	}
}

func TestAFullWhoseSlotLiesAheadIsEnough(t *testing.T) {
	l := levels(t, "daily", "daily")
	if got := l.At(at(t, "2026-11-30T10:00:00Z"), at(t, "2026-12-01T10:00:00Z"), time.Time{}); got != snapshot.LevelIncremental {
		t.Errorf("after the clock was put back by a day: %s", got)
	}
}

func TestRecurrencesPrintWhatTheyWereReadFrom(t *testing.T) {
	for _, s := range []string{"never", "daily", "weekly", "monthly", "0 3 * * sun", "@yearly"} {
		r, err := calendar.ParseRecurrence(s, time.UTC)
		if err != nil || r.String() != s || r.IsZero() != (s == "never") {
			t.Errorf("%q: %q, %v", s, r, err)
		}
	}
	for _, s := range []string{"", "fortnightly", "Weekly", "*/90 * * * *"} {
		if r, err := calendar.ParseRecurrence(s, time.UTC); err == nil || !strings.HasPrefix(err.Error(), "use daily, weekly, monthly, never or a cron expression: ") {
			t.Errorf("%q: %q, %v", s, r, err)
		}
	}
}
