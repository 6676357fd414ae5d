package term

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseTime reads a time as people write it. A day without a time is its end, and
// a minute without seconds, and a second without a fraction, too: the newest snapshot of
// then is meant. So is the later one of two moments that a clock shows alike when daylight
// saving ends.
func ParseTime(s string, now time.Time) (time.Time, error) {
	if ago, ok := strings.CutSuffix(strings.TrimSpace(s), "ago"); ok {
		if d, ok := ParseSpan(strings.TrimSpace(ago)); ok {
			return now.Add(-d), nil
		}
	}
	for _, layout := range []string{time.RFC3339Nano, ambiguousTime} {
		if t, err := time.Parse(layout, s); err == nil {
			if t.Nanosecond() == 0 && !strings.Contains(s, ".") {
				t = t.Add(time.Second - 1)
			}
			return t, nil
		}
	}
	for _, layout := range []struct {
		text string
		plus time.Duration
	}{
		{"2006-01-02 15:04:05", time.Second}, {"2006-01-02T15:04:05", time.Second},
		{"2006-01-02 15:04", time.Minute}, {"2006-01-02T15:04", time.Minute},
	} {
		if t, err := time.ParseInLocation(layout.text, s, now.Location()); err == nil {
			return lastOf(t).Add(layout.plus - 1), nil
		}
	}
	if t, err := time.ParseInLocation("2006-01-02", s, now.Location()); err == nil {
		return t.AddDate(0, 0, 1).Add(-1), nil
	}
	if t, err := time.ParseInLocation("15:04", s, now.Location()); err == nil {
		return lastOf(time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())).Add(time.Minute - 1), nil
	}
	return time.Time{}, fmt.Errorf("time %q: write it as 2026-03-29, \"2026-03-29 14:30\", 14:30 or \"3h ago\"", s)
}

// ParseSpan reads a duration such as 90m, 3h, 2d or 1w.
func ParseSpan(s string) (time.Duration, bool) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if s == "" {
		return 0, false
	}
	unit, ok := units[s[len(s)-1]]
	n, err := strconv.ParseFloat(strings.TrimSpace(s[:len(s)-1]), 64)
	if !ok || err != nil || n < 0 || n*float64(unit) > float64(1<<62) {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

// ambiguousTime is how a time is shown that clocks show twice.
const ambiguousTime = "2006-01-02 15:04:05 -07:00"

// LocalTime returns a time as it is shown, so that ParseTime finds what ended then.
func LocalTime(t time.Time) string {
	t = t.Local()
	if first, last := sameOnTheClock(t); !first.Equal(last) {
		return t.Format(ambiguousTime)
	}
	return t.Format("2006-01-02 15:04:05")
}

// lastOf returns the last moment that clocks show like this one.
func lastOf(t time.Time) time.Time {
	_, last := sameOnTheClock(t)
	return last
}

// sameOnTheClock returns the first and the last moment that clocks in a time's zone show
// as they show that time. They differ where clocks are put back.
func sameOnTheClock(t time.Time) (first, last time.Time) {
	_, offset := t.Zone()
	first, last = t, t
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, other := t.Add(near).Zone()
		alike := t.Add(time.Duration(offset-other) * time.Second)
		if _, is := alike.Zone(); is != other {
			continue
		}
		if alike.Before(first) {
			first = alike
		}
		if alike.After(last) {
			last = alike
		}
	}
	return first, last
}
