package retention

import (
	"fmt"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A timeRule is a rule that depends on time, applied to one group.
type timeRule struct {
	keeps func(*link) bool // reports whether the rule keeps this trusted snapshot
	// hasRoom reports whether the rule would keep a snapshot that was taken just before
	// this trusted one, but in another bucket.
	hasRoom func(*link) bool
	reason  func(*link) string
}

// keep applies the rule to a whole group.
func (r timeRule) keep(all []*link) {
	for _, l := range all {
		switch {
		case l.doubt == "":
			if r.keeps(l) {
				l.keep(r.reason(l))
			}
		case l.doubt == snapshot.OutOfOrder && l.before != nil:
			if r.keeps(l.before) {
				l.keep(l.doubt + ", kept with " + l.before.ID.Short())
			}
		case l.after == nil:
			l.keep(l.doubt + ", nothing trusted follows")
		case r.hasRoom(l.after):
			l.keep(l.doubt + ", may be as new as " + l.after.ID.Short())
		}
	}
}

// timeRules returns the policy's calendar rules and KeepWithin for a group, which is
// sorted newest first.
func (p *Policy) timeRules(all []*link) []timeRule {
	layout := func(s string) func(time.Time) string {
		return func(t time.Time) string { return t.Format(s) }
	}
	var rules []timeRule
	for _, r := range []struct {
		n      int
		bucket func(time.Time) string // its name
	}{
		{p.KeepHourly, layout("hourly 2006-01-02 15:00 -07:00")},
		{p.KeepDaily, layout("daily 2006-01-02")},
		{p.KeepWeekly, week},
		{p.KeepMonthly, layout("monthly 2006-01")},
		{p.KeepYearly, layout("yearly 2006")},
	} {
		if r.n != 0 {
			rules = append(rules, calendarRule(all, r.n, r.bucket, p.location()))
		}
	}
	if !p.KeepWithin.IsZero() {
		rules = append(rules, withinRule(all, p.KeepWithin, p.location()))
	}
	return rules
}

func week(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("weekly %04d-W%02d", year, week)
}

// atMost reports whether n is within a rule's number. A negative number has no limit.
func atMost(number, n int) bool { return number < 0 || n <= number }

// calendarRule keeps the newest snapshot in each of the newest buckets.
func calendarRule(all []*link, number int, bucket func(time.Time) string, loc *time.Location) timeRule {
	type period struct {
		name   string
		rank   int // 1 is the newest
		newest *link
	}
	periods := map[string]*period{}
	periodOf := map[*link]*period{}
	for _, l := range all {
		if l.doubt != "" {
			continue
		}
		name := bucket(l.End.In(loc))
		s := periods[name]
		if s == nil {
			s = &period{name, len(periods) + 1, l}
			periods[name] = s
		}
		periodOf[l] = s
	}
	return timeRule{
		keeps:   func(l *link) bool { return periodOf[l].newest == l && atMost(number, periodOf[l].rank) },
		hasRoom: func(l *link) bool { return atMost(number, periodOf[l].rank+1) },
		reason:  func(l *link) string { return periodOf[l].name },
	}
}

// withinRule keeps the snapshots of the given span before the newest one.
func withinRule(all []*link, span Span, loc *time.Location) timeRule {
	var from time.Time
	for _, l := range all {
		if l.doubt == "" {
			from = span.Before(l.End.In(loc))
			break
		}
	}
	keeps := func(l *link) bool { return !l.End.Before(from) }
	return timeRule{keeps: keeps, hasRoom: keeps, reason: func(*link) string { return "within " + span.String() }}
}
