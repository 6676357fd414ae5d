package profile

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/term"
)

// A Path is the name of a file or directory.
type Path string

// A Duration is written such as 90m, 1h30m, 2d or 1w.
type Duration time.Duration

// longest is the longest Duration: four hundred years would overflow what is computed with.
const longest = 100 * 365 * 24 * time.Hour

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	v, err := time.ParseDuration(s)
	if err != nil {
		var ok bool
		if v, ok = term.ParseSpan(s); !ok {
			return errors.New("write a time such as 90s, 15m, 1h30m or 2d")
		}
	}
	if v < 0 || v > longest {
		return errors.New("the time must be from 0 to 100 years")
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes a duration as UnmarshalText reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String returns the duration without units that are zero, such as 1h.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// IsZero reports whether the duration is zero.
func (d Duration) IsZero() bool { return d == 0 }

// A Size is a number of bytes, written such as 512, 64K or 1.5G.
type Size int64

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := term.ParseSize(string(text))
	if err != nil {
		return errors.New("write a size such as 500K, 10M or 1.5G")
	}
	*s = Size(n)
	return nil
}

// MarshalText writes a size as UnmarshalText reads it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the size in the largest unit that makes it a whole number, such as 256M.
func (s Size) String() string {
	n, unit := int64(s), ""
	for _, next := range []string{"K", "M", "G", "T"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, next
	}
	return strconv.FormatInt(n, 10) + unit
}

// A Rate is a number of bytes a second, written such as 500K or 5M/s.
type Rate int64

// UnmarshalText reads a rate. It is at least one byte a second.
func (r *Rate) UnmarshalText(text []byte) error {
	n, err := term.ParseSize(strings.TrimSuffix(string(text), "/s"))
	if err != nil || n < 1 {
		return errors.New("write bytes a second, such as 500K or 5M, or leave the key out for no limit")
	}
	*r = Rate(n)
	return nil
}

// MarshalText writes a rate as UnmarshalText reads it.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String returns the rate without "/s", such as 5M.
func (r Rate) String() string { return Size(r).String() }

// A Percent is a part of a whole: 0.1 is written 10%.
type Percent float64

// UnmarshalText reads a percentage. It is more than 0 and at most 100.
func (p *Percent) UnmarshalText(text []byte) error {
	v, ok := percent(string(text))
	if !ok || v <= 0 || v > 1 {
		return errors.New("write a percentage from 1% to 100%")
	}
	*p = Percent(v)
	return nil
}

// MarshalText writes a percentage as UnmarshalText reads it.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String returns the percentage, such as 10%.
func (p Percent) String() string {
	return strconv.FormatFloat(math.Round(float64(p)*1e10)/1e8, 'f', -1, 64) + "%"
}

// percent reads a number and its sign.
func percent(s string) (v float64, ok bool) {
	number, ok := strings.CutSuffix(s, "%")
	if !ok || strings.ContainsAny(number, "xXpP_") {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	return v / 100, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// A Share is a part of something else that may be larger, or as large as it likes: 0.03 is
// written 3%, and infinity is written unlimited.
type Share float64

// UnmarshalText reads a share.
func (s *Share) UnmarshalText(text []byte) error {
	switch v, ok := percent(string(text)); {
	case string(text) == "unlimited":
		*s = Share(math.Inf(1))
	case string(text) == "0":
		*s = 0
	case !ok || v < 0:
		return errors.New("write a percentage such as 5%, 0, or unlimited")
	default:
		*s = Share(v)
	}
	return nil
}

// MarshalText writes a share as UnmarshalText reads it.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the share, such as 3% or unlimited.
func (s Share) String() string {
	if math.IsInf(float64(s), 1) {
		return "unlimited"
	}
	return Percent(s).String()
}

// A Window is a part of each day, or of some days of the week, written such as 22:00-06:00,
// "mon-fri 08:00-18:00" or "sat,sun 00:00-24:00". It may go on after midnight, and then
// belongs to the day on which it begins.
type Window struct {
	Days        [7]bool // from Sunday on
	From, Until int     // minutes after midnight; Until may be before From
}

// UnmarshalText reads a window.
func (w *Window) UnmarshalText(text []byte) error {
	fields := strings.Fields(string(text))
	bad := errors.New("write hours such as 22:00-06:00, or days and hours such as \"mon-fri 08:00-18:00\"")
	days, hours := "mon-sun", ""
	switch len(fields) {
	case 1:
		hours = fields[0]
	case 2:
		days, hours = fields[0], fields[1]
	default:
		return bad
	}
	var out Window
	from, until, ok := strings.Cut(hours, "-")
	if !ok || !minutes(from, &out.From) || !minutes(until, &out.Until) || out.From == 24*60 {
		return bad
	}
	if out.From == out.Until {
		return errors.New("the window is empty: the whole day is 00:00-24:00")
	}
	for part := range strings.SplitSeq(strings.ToLower(days), ",") {
		if !out.addDays(part) {
			return bad
		}
	}
	*w = out
	return nil
}

// weekdays are the names of the days, from Sunday on.
var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func weekday(name string) int {
	for i, day := range weekdays {
		if name == day {
			return i
		}
	}
	return -1
}

// addDays adds a day, or days such as mon-fri or sat-mon.
func (w *Window) addDays(part string) bool {
	first, last, several := strings.Cut(part, "-")
	if !several {
		last = first
	}
	from, until := weekday(first), weekday(last)
	if from < 0 || until < 0 {
		return false
	}
	for day := from; ; day = (day + 1) % 7 {
		w.Days[day] = true
		if day == until {
			return true
		}
	}
}

// minutes reads a time of the day up to 24:00.
func minutes(s string, to *int) bool {
	h, m, ok := strings.Cut(s, ":")
	hour, err1 := strconv.ParseUint(h, 10, 8)
	minute, err2 := strconv.ParseUint(m, 10, 8)
	*to = int(hour*60 + minute)
	return ok && err1 == nil && err2 == nil && len(m) == 2 && len(h) <= 2 && minute < 60 && *to <= 24*60
}

// MarshalText writes a window as UnmarshalText reads it.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// String returns the window, such as mon,tue 08:00-18:00.
func (w Window) String() string {
	var days []string
	for i := range 7 {
		if day := (i + 1) % 7; w.Days[day] {
			days = append(days, weekdays[day])
		}
	}
	hours := fmt.Sprintf("%02d:%02d-%02d:%02d", w.From/60, w.From%60, w.Until/60, w.Until%60)
	if len(days) == 7 {
		return hours
	}
	return strings.Join(days, ",") + " " + hours
}

// Contains reports whether a moment is in the window, by the clock of its zone.
func (w Window) Contains(t time.Time) bool {
	at, day := t.Hour()*60+t.Minute(), int(t.Weekday())
	if w.From < w.Until {
		return w.Days[day] && w.From <= at && at < w.Until
	}
	return w.Days[day] && at >= w.From || w.Days[(day+6)%7] && at < w.Until
}
