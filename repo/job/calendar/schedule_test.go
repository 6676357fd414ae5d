package calendar_test

import (
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func every(t *testing.T, d time.Duration) calendar.Schedule {
	t.Helper()
	s, err := calendar.Every(d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func cron(t *testing.T, expr, zone string) calendar.Schedule {
	t.Helper()
	l, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	s, err := calendar.Cron(expr, l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryIsDueAtMultiplesSince1970(t *testing.T) {
	for _, c := range []struct {
		every          time.Duration
		at, slot, next string
	}{
		{time.Hour, "2026-11-30T14:59:59.5Z", "2026-11-30T14:00:00Z", "2026-11-30T15:00:00Z"},
		{time.Hour, "2026-11-30T15:00:00Z", "2026-11-30T15:00:00Z", "2026-11-30T16:00:00Z"},
		{time.Hour, "2026-11-30T20:30:00+05:30", "2026-11-30T15:00:00Z", "2026-11-30T16:00:00Z"},
		{10 * time.Second, "2026-11-30T14:59:59.5Z", "2026-11-30T14:59:50Z", "2026-11-30T15:00:00Z"},
		{24 * time.Hour, "2026-11-30T14:59:59Z", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"},
		{7 * 24 * time.Hour, "1970-01-02T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-08T00:00:00Z"},
		{7 * time.Hour, "1969-12-31T23:59:59Z", "1969-12-31T17:00:00Z", "1970-01-01T00:00:00Z"},
	} {
		s := every(t, c.every)
		if got := s.Slot(at(t, c.at)); got.Format(time.RFC3339) != c.slot {
			t.Errorf("%s: Slot(%s) = %s, want %s", s, c.at, got, c.slot)
		}
		if got := s.Next(at(t, c.at)); got.Format(time.RFC3339) != c.next {
			t.Errorf("%s: Next(%s) = %s, want %s", s, c.at, got, c.next)
		}
		if got := s.Interval(at(t, c.at)); got != c.every {
			t.Errorf("%s: Interval(%s) = %s", s, c.at, got)
		}
	}
}

func TestIntervalsThatCannotBeKeptAreRefused(t *testing.T) {
	for d, want := range map[time.Duration]string{
		9 * time.Second:          "every 9s is too often: use at least 10s",
		0:                        "every 0s is too often: use at least 10s",
		-time.Hour:               "every -1h is too often: use at least 10s",
		10500 * time.Millisecond: "every 10.5s: use whole seconds",
		367 * 24 * time.Hour:     "every 8808h is too seldom: use at most 8784h",
	} {
		if s, err := calendar.Every(d); err == nil || err.Error() != want {
			t.Errorf("Every(%s) = %s, %v; want %q", d, s, err, want)
		}
	}
}

func TestTheIntervalOfACronExpressionIsRealTime(t *testing.T) {
	s := cron(t, "30 4 * * *", "Europe/Berlin")
	for day, want := range map[string]time.Duration{
		"2026-03-28T12:00:00Z": 23 * time.Hour,
		"2026-03-29T12:00:00Z": 24 * time.Hour,
		"2026-10-24T12:00:00Z": 25 * time.Hour,
	} {
		if got := s.Interval(at(t, day)); got != want {
			t.Errorf("Interval(%s) = %s, want %s", day, got, want)
		}
	}
}

func TestASlotComesInTheZoneOfItsSchedule(t *testing.T) {
	now := at(t, "2026-11-30T14:59:00Z")
	if got := cron(t, "0 3 * * *", "Asia/Kolkata").Next(now).Format(time.RFC3339); got != "2026-12-01T03:00:00+05:30" {
		t.Errorf("cron in Kolkata: %s", got)
	}
	if got := every(t, time.Hour).Next(now.In(time.FixedZone("", 3600))).Format(time.RFC3339); got != "2026-11-30T15:00:00Z" {
		t.Errorf("every hour: %s", got)
	}
}

func TestASparseExpressionIsFound(t *testing.T) {
	for _, c := range []struct{ expr, after, want string }{
		{"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"0 0 29 2 */7", "2064-03-01T00:00:00Z", "2088-02-29T00:00:00Z"},
		{"0 0 29 2 */7", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z"},
		{"59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"},
	} {
		s := cron(t, c.expr, "UTC")
		next := s.Next(at(t, c.after))
		if next.Format(time.RFC3339) != c.want {
			t.Errorf("%s after %s: %s, want %s", c.expr, c.after, next, c.want)
		}
		if slot := s.Slot(next.Add(time.Second)); !slot.Equal(next) {
			t.Errorf("%s: the slot at %s is %s", c.expr, next, slot)
		}
	}
}

func TestTheZeroScheduleIsNeverDue(t *testing.T) {
	var s calendar.Schedule
	now := at(t, "2026-11-30T14:59:00Z")
	if !s.IsZero() || !s.Next(now).IsZero() || !s.Slot(now).IsZero() || s.Interval(now) != 0 || s.String() != "" || s.Jitter("a", "b") != 0 {
		t.Errorf("%q is due at %s", s, s.Next(now))
	}
}

func TestASchedulePrintsWhatItWasMadeOf(t *testing.T) {
	for want, s := range map[string]calendar.Schedule{
		"every 1h":                        every(t, time.Hour),
		"every 1h30m":                     every(t, 90*time.Minute),
		"every 10s":                       every(t, 10*time.Second),
		"every 10m":                       every(t, 10*time.Minute),
		"every 20h":                       every(t, 20*time.Hour),
		"cron 0 3 * * mon Europe/Berlin":  cron(t, " 0  3 * * mon", "Europe/Berlin"),
		"cron 0 0 1 * * America/New_York": cron(t, "@monthly", "America/New_York"),
	} {
		if s.String() != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
}

func TestJitterIsFixedAndSpread(t *testing.T) {
	s, buckets := every(t, time.Hour), [10]int{}
	for i := range 1000 {
		host := "host" + time.Duration(i).String()
		j := s.Jitter(host, "app")
		if j < 0 || j >= 3*time.Minute || j != s.Jitter(host, "app") {
			t.Fatalf("%s: %s", host, j)
		}
		buckets[j/(18*time.Second)]++
	}
	for i, n := range buckets {
		if n < 60 || n > 140 {
			t.Errorf("%d of 1000 hosts are in tenth %d", n, i)
		}
	}
	if s.Jitter("a", "bc") == s.Jitter("ab", "c") || s.Jitter("host", "a") == s.Jitter("host", "b") {
		t.Error("host and profile don't both count")
	}
	if j := cron(t, "@hourly", "UTC").Jitter("a", "b"); j != 0 {
		t.Errorf("a cron expression has a jitter of %s", j)
	}
	if j := s.JitterWithin(time.Second, "host", "app"); j <= 0 || j >= time.Second || s.JitterWithin(0, "host", "app") != 0 {
		t.Errorf("within a second: %s; within none: %s", j, s.JitterWithin(0, "host", "app"))
	}
	if j := every(t, 10*time.Second).Jitter("a", "b"); j >= 500*time.Millisecond {
		t.Errorf("every 10 s has a jitter of %s", j)
	}
}
