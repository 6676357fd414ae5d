package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Policy says which snapshots of a group are kept: those that any of its rules
// wants. The rules don't know of each other, nor of pins. A number of 0 is no rule,
// and -1 is one without limit.
//
// # Order
//
// The snapshots of a source, which is a host, paths and a kind, are a chain in the order
// of Number; those of equal numbers, taken at once, in that of End, then ID. No clock
// changes this order. End is the stamp that rules go by: what a snapshot holds is what
// there was then. It is trusted if it fits: it is not later than now, without any slack, and it belongs to the longest
// subsequence of the chain, of such stamps, that never falls. If there are several,
// the one counts whose first members are lowest in the chain. All other stamps are
// untrusted: dated in the future, or out of order.
//
// Chains of several sources are merged by their trusted stamps; an untrusted snapshot
// goes behind the nearest trusted one before it in its chain or, if there is none,
// before the nearest one after it.
//
// # Incomplete snapshots
//
// Snapshots that aren't Good are counted apart. The rules are applied to all snapshots,
// and then to the good ones as if there were no others; kept is what they keep either
// time. So an incomplete one never takes a good one's place, and goes no later than a good
// one would in its place. Where the newest one that is kept of a source misses a path,
// the newest one before it that holds the path stays, too.
//
// # Rules
//
// KeepLast counts every snapshot, whatever its stamp. A chain without any trusted
// stamp can't be merged with others: there it counts by itself.
//
// The calendar rules, KeepHourly to KeepYearly, keep the newest trusted snapshot of
// each of the newest hours, days, weeks, months or years that have one. These are
// those of Location. An hour is told by its offset from UTC, too: the one that is
// repeated when daylight saving ends is two. Weeks are those of ISO 8601.
//
// KeepWithin keeps the trusted snapshots from that span before the newest trusted one
// on, this moment included; see Span.Before.
//
// KeepTags keeps what has any of these tags. A pinned snapshot is kept until its pin
// has run out.
//
// # Untrusted stamps
//
// An untrusted snapshot takes nobody's place in the rules that go by time: its coming
// or going changes none of their decisions on others. Two sorts are kept by them:
//
// One that is out of order, with a trusted one before it in its chain, is kept as long
// as a rule that goes by time keeps the nearest of these.
//
// One that is dated in the future, where it may be now that is wrong, or that has no
// trusted one before it, could be as new as the next trusted one after it in its
// chain, and in another bucket. It is kept by a calendar rule that counts fewer
// buckets than its number from that one's on, by KeepWithin if that one is within, and
// by both if there is none.
//
// What shows a stamp to be wrong must not be dropped before the snapshot that has it,
// which would be trusted the next time. So where an untrusted snapshot is kept, for
// any reason, a trusted one of its chain is kept as a witness: the last that contradicts
// it, by being before it with a later stamp or after it with an earlier one, and that
// isn't a witness against another. Two are, if they come after one that is out of
// order. Where KeepLast merges several sources that something is kept of, the one that
// says where the untrusted one goes is a witness, too. Where it doesn't, and no rule
// goes by time, there are none: nothing depends on stamps.
//
// All this is against clocks that are sometimes wrong. It is no defence against a
// writer that makes more snapshots with wrong stamps than are kept with right ones.
//
// What was kept is kept again by the same policy at the same time.
type Policy struct {
	KeepLast    int
	KeepHourly  int
	KeepDaily   int
	KeepWeekly  int
	KeepMonthly int
	KeepYearly  int
	KeepWithin  Span
	KeepTags    []string
	Location    *time.Location // of hours, days and so on; nil is time.Local
}

// Validate returns an error if the policy has a number below -1, a span that is
// none, or an empty tag.
func (p Policy) Validate() error {
	for _, r := range []struct {
		name string
		n    int
	}{
		{"last", p.KeepLast}, {"hourly", p.KeepHourly}, {"daily", p.KeepDaily},
		{"weekly", p.KeepWeekly}, {"monthly", p.KeepMonthly}, {"yearly", p.KeepYearly},
	} {
		if r.n < -1 {
			return fmt.Errorf("policy: keep %s %d: below -1, which is all", r.name, r.n)
		}
	}
	if err := p.KeepWithin.validate(); err != nil {
		return fmt.Errorf("policy: keep within: %w", err)
	}
	if slices.Contains(p.KeepTags, "") {
		return errors.New("policy: keep tags: an empty tag")
	}
	return nil
}

// IsZero reports whether the policy has no rule at all. To apply it can't be meant.
func (p Policy) IsZero() bool { return p.KeepLast == 0 && len(p.KeepTags) == 0 && !p.usesTime() }

// usesTime reports whether any rule goes by time.
func (p *Policy) usesTime() bool { return len(p.timeRules(nil)) > 0 }

// A Decision is what becomes of a snapshot. Reasons and doubts are for people, such as
// "last 72", "hourly 2026-11-20 14:00 +01:00", "weekly 2026-W47", "within 3d",
// "tag release", "pinned until 2027-01-01 00:00:00" or "dated in the future".
type Decision struct {
	Manifest *Manifest `json:"-"`
	Keep     bool      `json:"-"`
	Reasons  []string  `json:"reasons"`         // all that it is kept for; none if it isn't
	Doubt    string    `json:"doubt,omitempty"` // why its stamp isn't trusted; empty if it is
}

// NoneKept reports whether all of some snapshots are to go, which is seldom meant.
func NoneKept(decisions []Decision) bool {
	return len(decisions) > 0 && !slices.ContainsFunc(decisions, func(d Decision) bool { return d.Keep })
}

// Decide applies the policy to one group of snapshots, in any order, and returns the
// decisions, the newest snapshot first. It depends on nothing else and changes
// nothing. A policy that IsZero, or that Validate refuses, keeps everything.
func (p Policy) Decide(group []*Manifest, now time.Time) []Decision {
	chains := chainsOf(group, now)
	all := merge(chains)
	if err := p.Validate(); err != nil || p.IsZero() {
		reason := "no rule"
		if err != nil {
			reason = err.Error()
		}
		for _, l := range all {
			l.keep(reason)
		}
		return decisions(all)
	}
	p.apply(all)
	if good := goodOf(chains); good != nil {
		p.apply(merge(good))
	}
	p.keepMarked(all, now)
	left := slices.DeleteFunc(chains, chain.allGo)
	merged := p.KeepLast != 0 && len(left) > 1
	for _, c := range left {
		for more := true; more; {
			if merged || p.usesTime() {
				c.keepWitnesses(merged)
			}
			// Tags alone don't keep the newest of anything.
			more = (p.KeepLast != 0 || p.usesTime()) && c.keepHolders()
		}
	}
	return decisions(all)
}

func decisions(all []*link) []Decision {
	var out []Decision
	for _, l := range all {
		out = append(out, Decision{l.Manifest, len(l.reasons) > 0, l.reasons, l.doubt})
	}
	return out
}

// apply applies the rules that count.
func (p *Policy) apply(all []*link) {
	p.keepLast(all)
	for _, r := range p.timeRules(all) {
		r.keep(all)
	}
}

// location returns that of the calendar.
func (p *Policy) location() *time.Location {
	if p.Location == nil {
		return time.Local
	}
	return p.Location
}

// keepLast applies KeepLast.
func (p *Policy) keepLast(all []*link) {
	reason := "last"
	if p.KeepLast > 0 {
		reason = fmt.Sprintf("last %d", p.KeepLast)
	}
	const merged = -1
	count := map[int]int{}
	for _, l := range all {
		source := merged
		if l.blind {
			source = l.source
		}
		count[source]++
		if p.KeepLast != 0 && atMost(p.KeepLast, count[source]) {
			l.keep(reason)
		}
	}
}

// keepMarked applies KeepTags and pins.
func (p *Policy) keepMarked(all []*link, now time.Time) {
	for _, l := range all {
		for _, tag := range p.KeepTags {
			if slices.Contains(l.Tags, tag) {
				l.keep("tag " + tag)
			}
		}
		switch {
		case l.Pin == nil:
		case l.Pin.Until.IsZero():
			l.keep("pinned")
		case !now.After(l.Pin.Until):
			l.keep("pinned until " + l.Pin.Until.In(p.location()).Format("2006-01-02 15:04:05"))
		}
	}
}
