package calendar

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// A Schedule says when runs are due. The zero value is never due. Schedules with the same
// String are the same; don't compare them with ==.
type Schedule struct {
	every time.Duration // or
	cron  *cron
}

// The bounds of Every.
const (
	MinEvery = 10 * time.Second
	MaxEvery = 366 * 24 * time.Hour
)

// Every returns the schedule that is due at each multiple of d since 1970 in UTC. d is a
// whole number of seconds, from MinEvery to MaxEvery.
func Every(d time.Duration) (Schedule, error) {
	switch {
	case d < MinEvery:
		return Schedule{}, fmt.Errorf("every %s is too often: use at least %s", text(d), text(MinEvery))
	case d > MaxEvery:
		return Schedule{}, fmt.Errorf("every %s is too seldom: use at most %s", text(d), text(MaxEvery))
	case d%time.Second != 0:
		return Schedule{}, fmt.Errorf("every %s: use whole seconds", text(d))
	}
	return Schedule{every: d}, nil
}

// Cron returns the schedule of a cron expression in a time zone; nil is the zone of the
// host.
func Cron(expr string, zone *time.Location) (Schedule, error) {
	c, err := parse(expr)
	if err != nil {
		return Schedule{}, fmt.Errorf("cron expression %q: %w", expr, err)
	}
	if c.zone = zone; zone == nil {
		c.zone = time.Local
	}
	return Schedule{cron: c}, nil
}

// IsZero reports whether the schedule is never due.
func (s Schedule) IsZero() bool { return s.every == 0 && s.cron == nil }

// String returns the schedule as text: "every 1h", or "cron 0 3 * * * Europe/Berlin". It is
// empty if the schedule is never due.
func (s Schedule) String() string {
	switch {
	case s.every != 0:
		return "every " + text(s.every)
	case s.cron != nil:
		return "cron " + s.cron.expr + " " + s.cron.zone.String()
	}
	return ""
}

// Zone returns the zone in which slots are given. It is UTC unless the schedule is a cron
// expression.
func (s Schedule) Zone() *time.Location {
	if s.cron != nil {
		return s.cron.zone
	}
	return time.UTC
}

// Expression returns the five fields of a cron expression. It is empty for other schedules.
func (s Schedule) Expression() string {
	if s.cron != nil {
		return s.cron.expr
	}
	return ""
}

// Period returns the duration that Every was given. It is zero for other schedules.
func (s Schedule) Period() time.Duration { return s.every }

// Next returns the first slot after a time. It is zero if the schedule is never due.
func (s Schedule) Next(after time.Time) time.Time {
	switch {
	case s.every != 0:
		return s.Slot(after).Add(s.every)
	case s.cron != nil:
		return s.cron.next(after)
	}
	return time.Time{}
}

// Slot returns the newest slot at or before a time. It is zero if there is none.
func (s Schedule) Slot(at time.Time) time.Time {
	switch {
	case s.every != 0:
		seconds, d := at.Unix(), int64(s.every/time.Second)
		return time.Unix(seconds-((seconds%d)+d)%d, 0).UTC()
	case s.cron != nil:
		return s.cron.last(at)
	}
	return time.Time{}
}

// Interval returns how long the slot lasts in which a time falls: from Slot to Next. It is
// zero if one of them is.
func (s Schedule) Interval(at time.Time) time.Duration {
	from, to := s.Slot(at), s.Next(at)
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return to.Sub(from)
}

// Jitter returns how long after a slot a profile's run is due on a host, so that many hosts
// don't begin at once. It is the same for each slot: none for cron expressions, whose times
// people choose, and else less than 5 % of the interval.
func (s Schedule) Jitter(host, profile string) time.Duration {
	return s.JitterWithin(s.every/20, host, profile)
}

// JitterWithin is like Jitter, but less than a given duration.
func (s Schedule) JitterWithin(longest time.Duration, host, profile string) time.Duration {
	if s.cron != nil || longest <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(host + "\x00" + profile))
	mixed := h.Sum64() * 0x9E3779B97F4A7C15 // the hash of short names differs in few bits
	return time.Duration(mixed >> 1 % uint64(longest)).Truncate(time.Millisecond)
}

// text returns a duration without parts that are zero: "1h", not "1h0m0s".
func text(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
