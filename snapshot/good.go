package snapshot

import (
	"maps"
	"slices"
)

// goodOf returns chains of only the good snapshots, or nil if all are good. Keeping one
// of them keeps the link that it copies. Each has the position and the trust that it has
// among all snapshots; only its neighbours are restricted to good ones.
func goodOf(chains []chain) []chain {
	var out []chain
	dropped := false
	for _, c := range chains {
		var good chain
		for _, l := range c {
			if !l.Good() {
				dropped = true
				continue
			}
			good = append(good, &link{Manifest: l.Manifest, source: l.source, place: l.place, blind: l.blind, doubt: l.doubt, time: l.time, copyOf: l})
		}
		good.linkNeighbours()
		out = append(out, good)
	}
	if !dropped {
		return nil
	}
	return out
}

// keepHolders keeps, for each path that the newest kept snapshot of the chain misses, the
// newest earlier snapshot that holds the path. It reports whether it keeps a snapshot
// that would not have been kept.
func (c chain) keepHolders() (more bool) {
	newest := len(c) - 1
	for newest >= 0 && len(c[newest].reasons) == 0 {
		newest--
	}
	if newest < 0 {
		return false
	}
	wanted := map[string]bool{} // paths that all newer ones miss
	for _, m := range c[newest].Missing {
		wanted[m.Path] = true
	}
	for i := newest - 1; i >= 0 && len(wanted) > 0; i-- {
		for _, path := range slices.Sorted(maps.Keys(wanted)) {
			if !c[i].misses(path) {
				more = more || len(c[i].reasons) == 0
				c[i].keep("newest with " + path)
				delete(wanted, path)
			}
		}
	}
	return more
}

func (l *link) misses(path string) bool {
	return slices.ContainsFunc(l.Missing, func(m Missing) bool { return m.Path == path })
}
