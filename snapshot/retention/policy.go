package retention

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A Policy says which snapshots of a group are kept: those that at least one of its rules
// keeps. The rules are independent of each other and of pins. A number of 0 means no
// rule, and -1 means no limit.
//
// # Order
//
// The snapshots of a source form a chain, and chains are merged by trusted stamps, as
// snapshot.Order says. Rules go by the stamp End: a snapshot holds what there was then.
//
// # Incomplete snapshots
//
// Snapshots that aren't Good are counted separately. The rules are applied to all
// snapshots, and then to the good ones as if there were no others. A snapshot is kept if
// either application keeps it. So an incomplete snapshot never takes a good one's place,
// and is kept at least as long as a good one would be in its place. If the newest kept
// snapshot of a source misses a path, the newest earlier one that holds the path is kept,
// too.
//
// # Rules
//
// KeepLast keeps one snapshot of each of the newest slots: the newest good one or, if none
// is good, the newest. A slot is the time at which the run of a job was due. A snapshot
// without one, or whose stamp isn't trusted, is a slot of its own. A chain without any
// trusted stamp can't be merged with others: KeepLast counts it separately.
//
// Slots are counted for each series (see Series), in the order of their newest
// snapshots. A snapshot that is a slot of its own takes no place of the slots of a job, but
// goes when enough of these have followed. It counts all units of its series (slots and
// snapshots that are slots of their own) and the snapshots that no job took. If no job took
// it either, it counts the units of all series.
//
// KeepExtra keeps the newest other snapshots of the slots that KeepLast keeps, up to its
// number for each series. Nil means the number of KeepLast, and then as many of the newest
// snapshots stay in any case, whatever their slots are.
//
// The calendar rules, KeepHourly to KeepYearly, keep the newest trusted snapshot of each
// of the newest hours, days, weeks, months or years that have one, by the calendar of
// Location. An hour is identified by its offset from UTC, too: the hour that is repeated
// when daylight saving ends counts as two. Weeks are those of ISO 8601.
//
// KeepWithin keeps the trusted snapshots from that span before the newest trusted one on,
// including that moment; see Span.Before.
//
// KeepFull keeps the full snapshot that the next differential one of a source is compared
// with, as long as another rule keeps any snapshot of the source. It counts nowhere: 72
// snapshots and a full one stay if KeepLast is 72.
//
// KeepTags keeps every snapshot that has any of these tags. A pinned snapshot is kept
// until its pin expires.
//
// # Untrusted stamps
//
// An untrusted snapshot takes no other's place in the rules that depend on time: its
// presence changes none of their decisions on others. These rules keep two kinds of
// untrusted snapshots:
//
// A snapshot that is out of order, with a trusted one before it in its chain, is kept as
// long as a rule that depends on time keeps the nearest of these.
//
// A snapshot that is dated in the future, where the present clock may be the wrong one,
// or that has no trusted one before it, could be as new as the next trusted one after it
// in its chain, and in another bucket. A calendar rule keeps it if the rule counts fewer
// buckets than its number up to that trusted one. KeepWithin keeps it if that trusted one
// is within. Both keep it if there is no such trusted one.
//
// A snapshot that shows a stamp to be wrong must not be dropped before the snapshot with
// that stamp, which would otherwise be trusted the next time. So if an untrusted snapshot
// is kept, for any reason, a trusted one of its chain is kept as a witness: the last that
// contradicts it, by being before it with a later stamp or after it with an earlier one,
// and that isn't a witness against another. An out-of-order snapshot that is contradicted
// by later ones needs two. If KeepLast merges several sources of which something is kept,
// the trusted snapshot that determines the place of the untrusted one is a witness, too.
// If it doesn't, no snapshot has a slot that KeepLast heeds, and no rule depends on time,
// there are no witnesses: nothing depends on stamps.
//
// All this protects against clocks that are sometimes wrong. It is no defence against a
// writer that makes more snapshots with wrong stamps than are kept with right ones.
//
// Applying the same policy at the same time to what it has kept keeps all of it.
type Policy struct {
	KeepLast    int
	KeepExtra   *int // beside those of KeepLast; nil means as many as KeepLast
	KeepHourly  int
	KeepDaily   int
	KeepWeekly  int
	KeepMonthly int
	KeepYearly  int
	KeepWithin  Span
	KeepFull    bool
	KeepTags    []string
	Location    *time.Location // time zone of the calendar rules; nil means time.Local
}

// Validate returns an error if the policy has a number below -1, an invalid span, or an
// empty tag.
func (p Policy) Validate() error {
	for _, r := range []struct {
		name string
		n    int
	}{
		{"last", p.KeepLast}, {"hourly", p.KeepHourly}, {"daily", p.KeepDaily},
		{"weekly", p.KeepWeekly}, {"monthly", p.KeepMonthly}, {"yearly", p.KeepYearly},
	} {
		if r.n < -1 {
			return fmt.Errorf("policy: keep %s %d: must be -1 (all) or more", r.name, r.n)
		}
	}
	if e := p.KeepExtra; e != nil && (*e < -1 || p.KeepLast == 0) {
		return fmt.Errorf("policy: keep extra %d: must be -1 (all) or more, beside keep last", *e)
	}
	if err := p.KeepWithin.validate(); err != nil {
		return fmt.Errorf("policy: keep within: %w", err)
	}
	if slices.Contains(p.KeepTags, "") {
		return errors.New("policy: keep tags: a tag is empty")
	}
	return nil
}

// IsZero reports whether the policy has no rule at all, beside KeepFull. Applying such a policy is
// certainly a mistake.
func (p Policy) IsZero() bool { return p.KeepLast == 0 && len(p.KeepTags) == 0 && !p.usesTime() }

// usesTime reports whether any rule depends on time.
func (p *Policy) usesTime() bool { return len(p.timeRules(nil)) > 0 }

// A Decision says whether a snapshot is kept. Reasons and doubts are for people, such as
// "last 72", "last 72 (slot 2026-11-20 14:00)", "extra 72", "hourly 2026-11-20 14:00 +01:00", "weekly 2026-W47", "within 3d", "tag
// release", "pinned until 2027-01-01 00:00:00" or "dated in the future".
type Decision struct {
	Manifest *snapshot.Manifest `json:"-"`
	Keep     bool               `json:"-"`
	Reasons  []string           `json:"reasons"`         // all reasons to keep it; none if it isn't kept
	Doubt    string             `json:"doubt,omitempty"` // why its stamp isn't trusted; empty if it is
}

// NoneKept reports whether no snapshot is kept, which is rarely intended.
func NoneKept(decisions []Decision) bool {
	return len(decisions) > 0 && !slices.ContainsFunc(decisions, func(d Decision) bool { return d.Keep })
}

// Decide applies the policy to one group of snapshots, in any order, and returns the
// decisions, newest snapshot first. It depends on nothing else and changes nothing. A
// policy that IsZero, or that Validate refuses, keeps everything.
func (p Policy) Decide(group []*snapshot.Manifest, now time.Time) []Decision {
	all, chains := chainsOf(group, now)
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
	good := goodOf(all)
	chosen := p.chosenOf(good)
	p.apply(all, chosen)
	if len(good) < len(all) {
		p.apply(good, chosen)
	}
	p.keepTaggedAndPinned(all, now)
	left := slices.DeleteFunc(chains, chain.allGo)
	merged := p.KeepLast != 0 && len(left) > 1
	bySlot := p.KeepLast != 0 && hasSlots(all)
	for _, c := range left {
		if p.KeepFull {
			c.keepFull()
		}
		for more := true; more; {
			if merged || bySlot || p.usesTime() {
				c.keepWitnesses(merged)
			}
			// Tags alone don't make any snapshot the newest of something.
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

// apply applies the rules that keep a number of snapshots or a span of time.
func (p *Policy) apply(all []*link, good map[unit]*snapshot.Manifest) {
	p.keepLast(all, good)
	for _, r := range p.timeRules(all) {
		r.keep(all)
	}
}

// location returns the time zone of the calendar rules.
func (p *Policy) location() *time.Location {
	if p.Location == nil {
		return time.Local
	}
	return p.Location
}

// keepTaggedAndPinned applies KeepTags and pins.
func (p *Policy) keepTaggedAndPinned(all []*link, now time.Time) {
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
