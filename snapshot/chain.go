package snapshot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"
)

// A link is a snapshot in the chain of its source, and what is decided on it.
type link struct {
	*Manifest
	source int  // number of the chain in the group
	blind  bool // nothing in the chain is trusted
	place  int  // in the chain

	doubt         string    // why the stamp isn't trusted, or empty
	before, after *link     // the nearest trusted ones, this one aside, or nil
	time          time.Time // the stamp, or what stands for it

	copyOf  *link // of which this one is a copy, or nil
	reasons []string
}

// Why a stamp isn't trusted.
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

// A chain is the snapshots of one source, the oldest first.
type chain []*link

// allGo reports whether nothing in the chain is kept.
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
		c.judge(now)
		chains = append(chains, c)
	}
	return chains
}

// merge returns all snapshots of the chains, the newest first. Where the stamps of a chain
// tell nothing, it comes last.
func merge(chains []chain) []*link {
	all := slices.Concat(chains...)
	blind := map[bool]int{true: 1}
	slices.SortFunc(all, func(a, b *link) int {
		return cmp.Or(blind[a.blind]-blind[b.blind], b.time.Compare(a.time), cmp.Compare(b.source, a.source), cmp.Compare(b.place, a.place))
	})
	return all
}

// judge finds out which stamps can be trusted.
func (c chain) judge(now time.Time) {
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
	c.meet()
	c.settle()
}

// meet finds, for each snapshot, the nearest trusted ones.
func (c chain) meet() {
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

// settle finds the time that each snapshot counts with.
func (c chain) settle() {
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

// longestRun returns the longest subsequence whose stamps never fall. Of several it
// is the one whose first places are lowest. So what isn't part of it can come and
// go without a change to it, and of two that contradict each other, with nothing
// else to tell, it has the one that was there first.
func (c chain) longestRun() chain {
	// length[i] is that of the longest run from i on; latest[n-1] is the latest stamp
	// that a run of length n begins with, as far as they were looked at.
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

// A claim is one to a trusted snapshot with a number from lo up to hi.
type claim struct{ lo, hi int }

// keepWitnesses keeps, for each snapshot that is kept in spite of its stamp, trusted
// ones that contradict it and, if the chain is merged with others, the one that says
// where it goes.
//
// These are enough by Hall's theorem. That the trusted ones are a longest run means
// that any run of others contradicts at least as many of them. Where each of the
// others has a witness of its own, that is so without the rest. Where some can't have
// one, all that these contradict are witnesses already, if as many claims as possible
// are met; meeting them by falling lo, with the highest number that is free, does it.
// Between runs of one length the one wins that begins first, and so do the trusted
// ones if they are before what they contradict; else they have to be more. One from
// the future doesn't compete yet: a single claim is so that it doesn't outweigh
// others, should it be now that is wrong.
func (c chain) keepWitnesses(merged bool) {
	const reason = "witness to times that are wrong"
	var trusted chain
	for _, l := range c {
		if l.doubt == "" {
			trusted = append(trusted, l)
		}
	}
	var claims []claim
	before := 0 // trusted ones before l
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
	free := make([]int, len(trusted)+1) // free[n] leads to the highest free number below n, plus 1
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

// claims returns those that an untrusted snapshot has, with so many trusted ones
// before it, to some of the trusted ones that contradict it.
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
