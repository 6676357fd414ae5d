package snapshot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"
)

// A link is a snapshot in the chain of its source.
type link struct {
	*Manifest
	source int  // number of the chain among those of all sources
	blind  bool // no stamp in the chain is trusted
	place  int  // position in the chain

	doubt string    // why the stamp isn't trusted; empty if it is
	time  time.Time // the stamp if trusted, otherwise a substitute
}

// A chain is the snapshots of one source, oldest first.
type chain []*link

// chainsOf returns the chains of snapshots, in the order of their sources.
func chainsOf(all []*Manifest, now time.Time) []chain {
	bySource := map[string]chain{}
	for _, m := range all {
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
			l.doubt = InFuture
		} else {
			l.doubt = OutOfOrder
			past = append(past, l)
		}
	}
	for _, l := range past.longestRun() {
		l.doubt = ""
	}
	c.assignTimes()
}

// assignTimes sets the time that each snapshot counts with: its own or, if that isn't
// trusted, that of the nearest trusted one before it or else after it.
func (c chain) assignTimes() {
	first := slices.IndexFunc(c, func(l *link) bool { return l.doubt == "" })
	if first < 0 {
		c.assignBlind()
		return
	}
	trusted := c[first].End
	for _, l := range c {
		if l.doubt == "" {
			trusted = l.End
		}
		l.time = trusted
	}
}

// assignBlind sets the times of a chain without trusted stamps: none is earlier than the
// one before.
func (c chain) assignBlind() {
	var last time.Time
	for _, l := range c {
		if l.End.After(last) {
			last = l.End
		}
		l.time, l.blind = last, true
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
