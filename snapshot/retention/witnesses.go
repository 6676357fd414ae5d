package retention

import (
	"cmp"
	"slices"
	"sort"

	"github.com/qsnap/qsnap/snapshot"
)

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
		if l.doubt == snapshot.InFuture {
			return []claim{ahead}
		}
		return []claim{ahead, ahead}
	}
	return nil
}
