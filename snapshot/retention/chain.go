package retention

import (
	"fmt"
	"slices"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A link is a snapshot in the chain of its source, with what is decided about it.
type link struct {
	*snapshot.Manifest
	source int    // number of the chain in the group
	blind  bool   // no stamp in the chain is trusted
	doubt  string // why the stamp isn't trusted; empty if it is

	before, after *link // the nearest other trusted links, or nil

	copyOf  *link // the link that this one copies, or nil
	reasons []string
}

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

// chainsOf returns a group's snapshots, newest first, and the chains that they form.
func chainsOf(group []*snapshot.Manifest, now time.Time) (all []*link, chains []chain) {
	number := map[string]int{} // by source
	for _, p := range snapshot.Order(group, now) {
		source := fmt.Sprintf("%q %q %q", p.Hostname, p.Paths, p.Kind)
		n, known := number[source]
		if !known {
			n = len(chains)
			number[source] = n
			chains = append(chains, nil)
		}
		l := &link{Manifest: p.Manifest, source: n, doubt: p.Doubt}
		chains[n] = append(chains[n], l)
		all = append(all, l)
	}
	slices.Reverse(all)
	for _, c := range chains {
		blind := !slices.ContainsFunc(c, func(l *link) bool { return l.doubt == "" })
		for _, l := range c {
			l.blind = blind
		}
	}
	linkNeighbours(all)
	return all, chains
}

// linkNeighbours sets the nearest trusted links of each snapshot. The newest comes first.
func linkNeighbours(all []*link) {
	after := map[int]*link{} // by source
	for _, l := range all {
		if l.after = after[l.source]; l.doubt == "" {
			after[l.source] = l
		}
	}
	before := map[int]*link{}
	for _, l := range slices.Backward(all) {
		if l.before = before[l.source]; l.doubt == "" {
			before[l.source] = l
		}
	}
}
