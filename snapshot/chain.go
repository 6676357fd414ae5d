package snapshot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"
)

// A link is a snapshot in the chain of its source, with what is decided about it.
type link struct {
	*Manifest
	source int  // number of the chain in the group
	blind  bool // no stamp in the chain is trusted
	place  int  // position in the chain

	doubt         string    // why the stamp isn't trusted; empty if it is
	before, after *link     // the nearest other trusted links, or nil
	time          time.Time // the stamp if trusted, otherwise a substitute

	copyOf  *link // the link that this one copies, or nil
	reasons []string
}

// Reasons why a stamp isn't trusted.
const (
	inFuture   = "dated in the future"
	outOfOrder = "dated out of order"
)

func (l *link) keep(reason string) {
	if l.copyOf != nil {
		l = l.copyOf
	}
	if !slices.Contains(l.reasons, reason) {
		l.reasons = append(l.reasons, reason)
	}
}

// A chain is the snapshots of one source, oldest first.
type chain []*link

// allGo reports whether no snapshot in the chain is kept.
func (c chain) allGo() bool {
	return !slices.ContainsFunc(c, func(l *link) bool { return len(l.reasons) > 0 })
}

// chainsOf returns the chains of a group, in the order of their sources.
func chainsOf(group []*Manifest, now time.Time) []chain {
	bySource := map[string]chain{}
	for _, m := range group {
		key := fmt.Sprintf("%q %q %q", m.Hostname, m.Paths, m.Kind)
		bySource[key] = append(bySource[key], &link{Manifest: m})
	}
	var chains []chain
	for _, key := range slices.Sorted(maps.Keys(bySource)) {
		c := bySource[key]
		slices.SortFunc(c, func(a, b *link) int { return Compare(a.Manifest, b.Manifest) })
		for i, l := range c {
			l.source, l.place = len(chains), i
		}
		c.findTrusted(now)
		chains = append(chains, c)
	}
	return chains
}

// merge returns all snapshots of the chains, newest first. A chain without trusted stamps
// comes last.
func merge(chains []chain) []*link {
	all := slices.Concat(chains...)
	blind := map[bool]int{true: 1}
	slices.SortFunc(all, func(a, b *link) int {
		return cmp.Or(blind[a.blind]-blind[b.blind], b.time.Compare(a.time), cmp.Compare(b.source, a.source), cmp.Compare(b.place, a.place))
	})
	return all
}

// findTrusted determines which stamps are trusted.
func (c chain) findTrusted(now time.Time) {
	var past chain
	for _, l := range c {
		if l.End.After(now) {
			l.doubt = inFuture
		} else {
			l.doubt = outOfOrder
			past = append(past, l)
		}
	}
	for _, l := range past.longestRun() {
		l.doubt = ""
	}
	c.linkNeighbours()
	c.assignTimes()
}

// linkNeighbours sets the nearest trusted links of each snapshot.
func (c chain) linkNeighbours() {
	var before, after *link
	for i := range c {
		if c[i].before = before; c[i].doubt == "" {
			before = c[i]
		}
		j := len(c) - 1 - i
		if c[j].after = after; c[j].doubt == "" {
			after = c[j]
		}
	}
}

// assignTimes sets the time that each snapshot counts with.
func (c chain) assignTimes() {
	var last time.Time
	for _, l := range c {
		if l.End.After(last) {
			last = l.End
		}
		switch {
		case l.doubt == "":
			l.time = l.End
		case l.before != nil:
			l.time = l.before.End
		case l.after != nil:
			l.time = l.after.End
		default:
			l.time, l.blind = last, true
		}
	}
}

// longestRun returns the longest subsequence whose stamps never decrease. Among several
// it returns the one with the lowest positions. So a snapshot outside the run can come
// and go without changing it. Of two snapshots that contradict each other, with nothing
// else to decide, the run contains the earlier one.
func (c chain) longestRun() chain {
	// length[i] is the length of the longest run from i on. latest[n-1] is the latest stamp
	// that a run of length n begins with, among those examined so far.
	length := make([]int, len(c))
	var latest []time.Time
	for i := len(c) - 1; i >= 0; i-- {
		n := sort.Search(len(latest), func(n int) bool { return latest[n].Before(c[i].End) })
		if n == len(latest) {
			latest = append(latest, c[i].End)
		}
		latest[n] = c[i].End
		length[i] = n + 1
	}
	var run chain
	for i, l := range c {
		if length[i] == len(latest)-len(run) && (len(run) == 0 || !l.End.Before(run[len(run)-1].End)) {
			run = append(run, l)
		}
	}
	return run
}

// A claim demands one trusted snapshot with a number above lo and up to hi.
type claim struct{ lo, hi int }

// keepWitnesses keeps, for each snapshot that is kept in spite of its untrusted stamp,
// trusted snapshots that contradict it. If the chain is merged with others, it also keeps
// the trusted snapshot that determines the place of the untrusted one.
//
// These are enough by Hall's theorem. The trusted snapshots are a longest run, so any run
// of others contradicts at least as many of them as it has members. If each of the others
// has a witness of its own, that holds without the rest. If some can't have one, all that
// these contradict are witnesses already, provided that as many claims as possible are
// met. Meeting claims by decreasing lo, each with the highest free number, meets as many
// as possible. Of two runs of one length the one that begins first wins. So the trusted
// snapshots win if they come before what they contradict; otherwise they have to be more.
// A snapshot from the future doesn't compete yet: it makes a single claim, so that it
// doesn't outweigh others if the present clock is the wrong one.
func (c chain) keepWitnesses(merged bool) {
	const reason = "witness to times that are wrong"
	var trusted chain
	for _, l := range c {
		if l.doubt == "" {
			trusted = append(trusted, l)
		}
	}
	var claims []claim
	before := 0 // number of trusted links before l
	witnesses := map[*link]bool{}
	for _, l := range c {
		switch {
		case l.doubt == "":
			before++
		case len(l.reasons) == 0 || l.blind:
		default:
			claims = append(claims, l.claims(trusted, before)...)
			if merged {
				witnesses[cmp.Or(l.before, l.after)] = true
			}
		}
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return cmp.Compare(b.lo, a.lo) })
	free := make([]int, len(trusted)+1) // following free[n] leads to 1 + the highest free number below n
	for n := range free {
		free[n] = n
	}
	for _, want := range claims {
		n := want.hi
		for free[n] != n {
			free[n] = free[free[n]]
			n = free[n]
		}
		if n > want.lo {
			witnesses[trusted[n-1]] = true
			free[n] = n - 1
		}
	}
	for _, l := range trusted {
		if witnesses[l] {
			l.keep(reason)
		}
	}
}

// claims returns the claims of an untrusted snapshot to trusted snapshots that contradict
// it. before is the number of trusted ones before it.
func (l *link) claims(trusted chain, before int) []claim {
	if lo := sort.Search(before, func(i int) bool { return trusted[i].End.After(l.End) }); lo < before {
		return []claim{{lo, before}}
	}
	behind := trusted[before:]
	if n := sort.Search(len(behind), func(i int) bool { return !behind[i].End.Before(l.End) }); n > 0 {
		ahead := claim{before, before + n}
		if l.doubt == inFuture {
			return []claim{ahead}
		}
		return []claim{ahead, ahead}
	}
	return nil
}
