package retention

import (
	"testing"
	"time"
)

func TestSpansAreRead(t *testing.T) {
	for s, want := range map[string]Span{
		"3d": {Days: 3}, "2y5m7d3h": {2, 5, 7, 3}, "3h2y": {Years: 2, Hours: 3}, "999999h": {Hours: 999_999}, "0y01d": {Days: 1},
	} {
		if got, err := ParseSpan(s); err != nil || got != want {
			t.Errorf("%q is %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "3", "d", "3w", "3d4d", "0d", "-3d", "+3d", "3 d", "1000000h", "99999999999999999999y", "3d ", "1.5d", "3D", "३d", "3d\x00"} {
		if got, err := ParseSpan(s); err == nil {
			t.Errorf("%q is read as %v", s, got)
		}
	}
	if (Span{}).String() != "" || (Span{2, 5, 7, 3}).String() != "2y5m7d3h" {
		t.Error("spans are written otherwise")
	}
}

func TestSpansGoBackByTheCalendar(t *testing.T) {
	berlin := location(t, "Europe/Berlin")
	second := time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC).In(berlin) // 2:30 for the second time
	for _, c := range []struct {
		span Span
		t    time.Time
		want string
	}{
		{Span{Months: 1}, time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC), "2026-03-02T12:00:00Z"},
		{Span{Months: 1}, time.Date(2024, 3, 30, 12, 0, 0, 0, time.UTC), "2024-03-01T12:00:00Z"},
		{Span{Years: 1}, time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), "2023-03-01T12:00:00Z"},
		{Span{Days: 1}, time.Date(2026, 3, 29, 12, 0, 0, 0, berlin), "2026-03-28T12:00:00+01:00"},
		{Span{Hours: 24}, time.Date(2026, 3, 29, 12, 0, 0, 0, berlin), "2026-03-28T11:00:00+01:00"},
		{Span{Hours: 1}, second, "2026-10-25T02:30:00+02:00"},
		{Span{}, second, "2026-10-25T02:30:00+01:00"},
		{Span{1, 1, 1, 1}, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), "2025-10-19T11:00:00Z"},
	} {
		if got := c.span.Before(c.t).Format(time.RFC3339); got != c.want {
			t.Errorf("%v before %v is %s, want %s", c.span, c.t, got, c.want)
		}
	}
	far := Span{maxSpan, maxSpan, maxSpan, maxSpan}
	if now := time.Now(); !far.Before(now).Before(now) {
		t.Error("the longest span leads to the future")
	}
}

func FuzzParseSpan(f *testing.F) {
	for _, s := range []string{"3d", "2y5m7d3h", "0h1m", "", "3w", "12345678d", "1h1h"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		span, err := ParseSpan(s)
		if err != nil {
			return
		}
		if again, err := ParseSpan(span.String()); err != nil || again != span {
			t.Errorf("%q is %v, which reads as %v, %v", s, span, again, err)
		}
		p := Policy{KeepWithin: span}
		if p.Validate() != nil || p.IsZero() || !span.Before(now).Before(now) {
			t.Errorf("%q is %v, which is no span to keep", s, span)
		}
	})
}
