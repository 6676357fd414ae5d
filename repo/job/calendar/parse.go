package calendar

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// A field describes one field of a cron expression.
type field struct {
	name string
	min  int
	max  int // that is accepted: 7 is Sunday
	last int // that "*" ends with
	// even is how many values make a whole: a step of "*" must divide it. Days of the month
	// have none, because months differ.
	even  int
	names []string // of min and the values after it
}

var (
	minutes  = field{name: "minute", max: 59, last: 59, even: 60}
	hours    = field{name: "hour", max: 23, last: 23, even: 24}
	days     = field{name: "day of month", min: 1, max: 31, last: 31, even: 1}
	months   = field{name: "month", min: 1, max: 12, last: 12, even: 12, names: strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")}
	weekdays = field{name: "day of week", max: 7, last: 6, even: 7, names: strings.Fields("sun mon tue wed thu fri sat")}
)

// nicknames are the expressions that have a name. Those of Debian's cron that run at hour 0
// are at fixed times, and @hourly follows the clock.
var nicknames = map[string]string{
	"@hourly":   "0 * * * *",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@weekly":   "0 0 * * 0",
	"@monthly":  "0 0 1 * *",
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
}

const maxExpression = 1000 // bytes: a list of all minutes, hours, days and months is shorter

// parse parses a cron expression.
func parse(expr string) (*cron, error) {
	if len(expr) > maxExpression {
		return nil, fmt.Errorf("it has more than %d bytes", maxExpression)
	}
	words := strings.Fields(expr)
	switch {
	case len(words) == 0:
		return nil, errors.New("it is empty")
	case strings.HasPrefix(words[0], "@"):
		full, known := nicknames[strings.ToLower(words[0])]
		if !known || len(words) > 1 {
			return nil, errors.New("use @hourly, @daily, @weekly, @monthly or @yearly alone, or five fields")
		}
		words = strings.Fields(full)
	case strings.Contains(words[0], "="):
		return nil, errors.New("a time zone is a setting of its own: see zone")
	case len(words) == 6 || len(words) == 7:
		return nil, fmt.Errorf("it has %d fields, and five are allowed: minute, hour, day of month, month, day of week; there are no seconds and no years", len(words))
	case len(words) != 5:
		return nil, fmt.Errorf("it has %d of the five fields: minute, hour, day of month, month, day of week", len(words))
	}
	c := &cron{expr: strings.Join(words, " ")}
	var sets [5]uint64
	for i, f := range []field{minutes, hours, days, months, weekdays} {
		set, err := f.parse(words[i])
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", f.name, words[i], err)
		}
		sets[i] = set
	}
	c.minute, c.hour, c.day, c.month, c.weekday = sets[0], sets[1], sets[2], sets[3], sets[4]
	if c.weekday>>7&1 == 1 { // Sunday
		c.weekday |= 1
	}
	star := func(i int) bool { return strings.HasPrefix(words[i], "*") }
	c.fixed = !star(0) && !star(1)
	c.both = star(2) || star(4)
	return c, c.possible()
}

// possible returns an error if no day can match.
func (c *cron) possible() error {
	if !c.both { // a day of the week is enough
		return nil
	}
	longest := [...]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	for i, n := range longest {
		if c.month>>(i+1)&1 == 1 && bits.TrailingZeros64(c.day) <= n {
			return nil
		}
	}
	return errors.New("it can never be due: no such month has that day")
}

// parse returns the set of the values that a field matches, as bits.
func (f field) parse(s string) (set uint64, err error) {
	for part := range strings.SplitSeq(s, ",") {
		values, err := f.part(part)
		if err != nil {
			return 0, err
		}
		set |= values
	}
	return set, nil
}

// part parses one element of a list.
func (f field) part(s string) (uint64, error) {
	rng, stepText, stepped := strings.Cut(s, "/")
	low, high, err := f.bounds(rng)
	if err != nil {
		return 0, err
	}
	step := 1
	if stepped {
		step, err = number(stepText)
		switch {
		case err != nil:
			return 0, fmt.Errorf("the step %w", err)
		case step == 0:
			return 0, errors.New("a step of 0 leads nowhere")
		case rng == "*" && f.even%step != 0:
			return 0, f.uneven(step)
		case rng != "*" && !strings.Contains(rng, "-"):
			return 0, fmt.Errorf("a step needs a range, such as %d-%d/%d", low, f.last, step)
		case rng != "*" && step > high-low:
			return 0, fmt.Errorf("the step %d is longer than the range %s", step, rng)
		}
	}
	var set uint64
	for v := low; v <= high; v += step {
		set |= 1 << v
	}
	return set, nil
}

// uneven says why a step is refused, and what to write instead.
func (f field) uneven(step int) error {
	if step > f.last-f.min {
		return fmt.Errorf("a step of %d is longer than the field, which has %d-%d: use every, or a step that divides %d", step, f.min, f.last, f.even)
	}
	return fmt.Errorf("a step of %d is not even: the field has %d-%d and begins again after %d; use every, or write %d-%d/%d if you mean that",
		step, f.min, f.last, f.last, f.min, f.last, step)
}

// bounds parses "*", a value, or a range of two.
func (f field) bounds(s string) (low, high int, err error) {
	if s == "*" {
		return f.min, f.last, nil
	}
	first, second, ranged := strings.Cut(s, "-")
	if low, err = f.value(first); err != nil || !ranged {
		return low, low, err
	}
	if high, err = f.value(second); err != nil {
		return 0, 0, err
	}
	if f.last < f.max && high == f.min && low > high {
		high = f.max // fri-sun
	}
	if low > high {
		return 0, 0, fmt.Errorf("the range %s ends before it begins", s)
	}
	return low, high, nil
}

// value parses a number or a name.
func (f field) value(s string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(s, name) {
			return f.min + i, nil
		}
	}
	v, err := number(s)
	switch {
	case err != nil:
		return 0, err
	case v < f.min || v > f.max:
		return 0, fmt.Errorf("%d is not within %d-%d", v, f.min, f.max)
	}
	return v, nil
}

// number parses up to three decimal digits.
func number(s string) (v int, err error) {
	if s == "" {
		return 0, errors.New("a number is missing")
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q is not a number: numbers, ranges, lists and steps are allowed", s)
		}
	}
	if len(s) > 3 {
		return 0, fmt.Errorf("%q is too large", s)
	}
	for _, c := range s {
		v = 10*v + int(c-'0')
	}
	return v, nil
}
