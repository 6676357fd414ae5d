package retention

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Span is a length of calendar time. The zero value means none.
type Span struct{ Years, Months, Days, Hours int }

// maxSpan bounds each number of a span, so that arithmetic with times can't overflow.
const maxSpan = 999_999

// ParseSpan parses a span such as "3d" or "2y5m7d3h": numbers of years, months, days and
// hours, each at most once, in any order, up to 999999. A span of zero is an error.
func ParseSpan(s string) (Span, error) {
	bad := func(why string) (Span, error) { return Span{}, fmt.Errorf("span %q: %s", s, why) }
	var out Span
	units := map[byte]*int{'y': &out.Years, 'm': &out.Months, 'd': &out.Days, 'h': &out.Hours}
	for rest := s; rest != ""; {
		unit := strings.TrimLeft(rest, "0123456789")
		digits := rest[:len(rest)-len(unit)]
		if digits == "" || unit == "" {
			return bad("want numbers followed by y, m, d or h, as in 2y5m7d3h")
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n > maxSpan {
			return bad(fmt.Sprintf("%s is more than %d", digits, maxSpan))
		}
		field := units[unit[0]]
		if field == nil {
			return bad("want the units y, m, d and h, each at most once")
		}
		*field = n
		delete(units, unit[0])
		rest = unit[1:]
	}
	if out.IsZero() {
		return bad("must be longer than zero")
	}
	return out, nil
}

// String returns the span in the form that ParseSpan parses. A zero span is the empty
// string.
func (s Span) String() string {
	var b strings.Builder
	for _, part := range []struct {
		n    int
		unit byte
	}{{s.Years, 'y'}, {s.Months, 'm'}, {s.Days, 'd'}, {s.Hours, 'h'}} {
		if part.n != 0 {
			fmt.Fprintf(&b, "%d%c", part.n, part.unit)
		}
	}
	return b.String()
}

// IsZero reports whether the span is zero.
func (s Span) IsZero() bool { return s == Span{} }

// Before returns the time that is the span before t, by the calendar of t's location:
// years, months and days as time.Time.AddDate counts them, then hours of 3600 seconds
// each. A day that a month doesn't have continues into the next month: a month before
// March 30 is February 30, which is March 2, or March 1 in a leap year.
func (s Span) Before(t time.Time) time.Time {
	if s.Years != 0 || s.Months != 0 || s.Days != 0 { // AddDate(0, 0, 0) may move a repeated hour to its other occurrence
		t = t.AddDate(-s.Years, -s.Months, -s.Days)
	}
	return t.Add(-time.Duration(s.Hours) * time.Hour)
}

func (s Span) validate() error {
	for _, n := range []int{s.Years, s.Months, s.Days, s.Hours} {
		if n < 0 || n > maxSpan {
			return fmt.Errorf("span %s: numbers must be 0 to %d", s, maxSpan)
		}
	}
	return nil
}
