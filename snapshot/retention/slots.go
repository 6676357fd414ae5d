package retention

import (
	"fmt"
	"slices"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A unit is what KeepLast counts: a slot of a series, or a snapshot that is a slot of its
// own.
type unit struct {
	family
	slot  instant            // zero for a snapshot that is a slot of its own
	alone *snapshot.Manifest // that snapshot, or nil
}

// A family is units that are counted together.
type family struct {
	series Series // zero for a snapshot of its own that no job took
	chain  int    // number of the chain if that is blind, otherwise merged
}

// merged stands for all chains that can be merged by their stamps.
const merged = -1

// An instant is a moment that can be compared with ==.
type instant struct {
	sec  int64
	nsec int
}

// unit returns the unit of a snapshot. The writer has read the slot off the same clock as
// the stamp: where the stamp isn't trusted, the slot isn't either.
func (l *link) unit() unit {
	u := unit{family: family{SeriesOf(l.Manifest), merged}}
	if slot := l.Job.Slot; l.doubt == "" && !slot.IsZero() {
		u.slot = instant{slot.Unix(), slot.Nanosecond()}
		return u
	}
	u.alone = l.Manifest
	if l.blind {
		u.chain = l.source
	}
	if l.Job.Profile == "" && l.Job.Installation.IsZero() {
		u.series = Series{}
	}
	return u
}

// hasSlots reports whether any of the snapshots has a slot.
func hasSlots(all []*link) bool {
	return slices.ContainsFunc(all, func(l *link) bool { return !l.Job.Slot.IsZero() })
}

// ranksOf numbers the units of snapshots from 1, the newest. A slot counts the slots of its
// series only. A snapshot of its own counts the units of its series and those that no job
// made. If no job made it, it counts all units.
func ranksOf(all []*link) map[unit]int {
	ranks := map[unit]int{}
	slots, units, total := map[family]int{}, map[family]int{}, map[int]int{} // total is by chain
	for _, l := range all {
		u := l.unit()
		if ranks[u] != 0 {
			continue
		}
		noJob := family{chain: u.chain}
		units[u.family]++
		total[u.chain]++
		switch {
		case u.alone == nil:
			slots[u.family]++
			ranks[u] = slots[u.family]
		case u.family == noJob:
			ranks[u] = total[u.chain]
		default:
			ranks[u] = units[u.family] + units[noJob]
		}
	}
	return ranks
}

// chosenOf returns the snapshot that stands for each unit that KeepLast keeps: the newest.
func (p *Policy) chosenOf(all []*link) map[unit]*snapshot.Manifest {
	chosen := map[unit]*snapshot.Manifest{}
	ranks := ranksOf(all)
	for _, l := range all {
		u := l.unit()
		if chosen[u] == nil && atMost(p.KeepLast, ranks[u]) {
			chosen[u] = l.Manifest
		}
	}
	return chosen
}

// keepLast applies KeepLast and KeepExtra. good are the snapshots that stand for slots of
// which a good one is kept: these slots need no other.
func (p *Policy) keepLast(all []*link, good map[unit]*snapshot.Manifest) {
	if p.KeepLast == 0 {
		return
	}
	chosen := p.chosenOf(all)
	for u := range chosen {
		if good[u] != nil {
			chosen[u] = good[u]
		}
	}
	extra := map[family]int{}
	for _, l := range all {
		u := l.unit()
		switch chosen[u] {
		case nil:
		case l.Manifest:
			l.keep(p.lastReason(l, u))
		default:
			extra[u.family]++
			if atMost(p.extra(), extra[u.family]) {
				l.keep(numbered("extra", p.extra()))
			}
		}
	}
}

// extra returns how many snapshots KeepExtra keeps.
func (p *Policy) extra() int {
	if p.KeepExtra == nil {
		return p.KeepLast
	}
	return *p.KeepExtra
}

func (p *Policy) lastReason(l *link, u unit) string {
	reason := numbered("last", p.KeepLast)
	if u.alone != nil {
		return reason
	}
	slot, layout := l.Job.Slot.In(p.location()), "2006-01-02 15:04"
	if slot.Second() != 0 {
		layout = time.DateTime
	}
	return fmt.Sprintf("%s (slot %s)", reason, slot.Format(layout))
}

// numbered returns a rule's name with its number, unless that means no limit.
func numbered(rule string, n int) string {
	if n < 0 {
		return rule
	}
	return fmt.Sprintf("%s %d", rule, n)
}
