package calendar

import "time"

// A cron is a cron expression in a zone. Its sets have a bit for each value that matches.
type cron struct {
	expr                              string // with a space between fields
	zone                              *time.Location
	minute, hour, day, month, weekday uint64
	fixed                             bool // neither minute nor hour begins with "*"
	both                              bool // day and weekday must both match
}

// Times on a clock are seconds since 1970 as if the clock showed UTC.
const (
	minuteSeconds = 60
	hourSeconds   = 60 * minuteSeconds
	daySeconds    = 24 * hourSeconds
	// correction is the smallest change that cron(8) treats as a correction of the clock.
	correction = 3 * hourSeconds
	// horizon bounds the search. 29 February on a given day of the week comes within 40
	// years, and a zone may skip the hour in that year.
	horizon = 100 * 366 * daySeconds
)

// A period is a time during which the zone's offset from UTC stays the same.
type period struct {
	start, end     int64 // in real time; end is excluded
	offset, before int64 // of this period and of the one before it
}

func (c *cron) period(at int64) period {
	t := time.Unix(at, 0).In(c.zone)
	_, offset := t.Zone()
	p := period{start: at - horizon, end: at + horizon, offset: int64(offset), before: int64(offset)}
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		p.start = start.Unix()
		_, before := start.Add(-time.Second).In(c.zone).Zone()
		p.before = int64(before)
	}
	if !end.IsZero() {
		p.end = end.Unix()
	}
	if p.end <= at {
		// After 2037, package time ends the last period of a leap year a day too early.
		p.end = floor(at, daySeconds) + daySeconds
	}
	return p
}

// skipped reports whether a fixed time is due at the beginning of the period, because the
// clock has skipped it.
func (c *cron) skipped(p period) bool {
	jump := p.offset - p.before
	if !c.fixed || jump <= 0 || jump >= correction {
		return false
	}
	_, found := c.first(p.start+p.before, p.start+p.offset)
	return found
}

// fresh returns the time that the clock shows from which on the period's times count: for
// fixed times, those that the clock shows for the first time.
func (c *cron) fresh(p period) int64 {
	if back := p.before - p.offset; c.fixed && back > 0 && back < correction {
		return p.start + p.before
	}
	return p.start + p.offset
}

// next returns the first slot after a time.
func (c *cron) next(after time.Time) time.Time {
	from := after.Unix() + 1
	for p := c.period(from); p.start < after.Unix()+horizon; p = c.period(p.end) {
		if p.start >= from && c.skipped(p) {
			return c.at(p.start)
		}
		wall, found := c.first(max(from+p.offset, c.fresh(p)), p.end+p.offset)
		if found {
			return c.at(wall - p.offset)
		}
	}
	return time.Time{}
}

// last returns the newest slot at or before a time.
func (c *cron) last(at time.Time) time.Time {
	to := at.Unix()
	for p := c.period(to); p.end > to-horizon; p = c.period(p.start - 1) {
		wall, found := c.final(c.fresh(p), min(to+1, p.end)+p.offset)
		if found {
			return c.at(wall - p.offset)
		}
		if c.skipped(p) {
			return c.at(p.start)
		}
	}
	return time.Time{}
}

func (c *cron) at(seconds int64) time.Time { return time.Unix(seconds, 0).In(c.zone) }

// first returns the first matching time of the clock in [from, to).
func (c *cron) first(from, to int64) (int64, bool) {
	for day := floor(from, daySeconds); day < to; day += daySeconds {
		if !c.onDay(day) {
			continue
		}
		for t := max(day, ceil(from, minuteSeconds)); t < min(day+daySeconds, to); {
			if c.hour>>((t-day)/hourSeconds)&1 == 0 {
				t = floor(t, hourSeconds) + hourSeconds
			} else if c.minute>>((t-day)%hourSeconds/minuteSeconds)&1 == 0 {
				t += minuteSeconds
			} else {
				return t, true
			}
		}
	}
	return 0, false
}

// final returns the last matching time of the clock in [from, to).
func (c *cron) final(from, to int64) (int64, bool) {
	for day := floor(to-1, daySeconds); day+daySeconds > from; day -= daySeconds {
		if !c.onDay(day) {
			continue
		}
		for t := min(day+daySeconds-minuteSeconds, floor(to-1, minuteSeconds)); t >= max(day, from); {
			if c.hour>>((t-day)/hourSeconds)&1 == 0 {
				t = floor(t, hourSeconds) - minuteSeconds
			} else if c.minute>>((t-day)%hourSeconds/minuteSeconds)&1 == 0 {
				t -= minuteSeconds
			} else {
				return t, true
			}
		}
	}
	return 0, false
}

// onDay reports whether the day matches that begins at a time of the clock.
func (c *cron) onDay(start int64) bool {
	t := time.Unix(start, 0).UTC()
	_, month, dayOfMonth := t.Date()
	if c.month>>month&1 == 0 {
		return false
	}
	day, weekday := c.day>>dayOfMonth&1 == 1, c.weekday>>t.Weekday()&1 == 1
	if c.both {
		return day && weekday
	}
	return day || weekday
}

// floor returns the largest multiple of n that is at most x.
func floor(x, n int64) int64 { return x - (x%n+n)%n }

// ceil returns the smallest multiple of n that is at least x.
func ceil(x, n int64) int64 { return -floor(-x, n) }
