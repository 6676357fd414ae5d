package retention

import (
	"maps"
	"slices"

	"github.com/qsnap/qsnap/snapshot"
)

// goodOf returns only the good snapshots, in the same order. Keeping one of them keeps the
// link that it copies. Each has the trust that it has among all snapshots; only its
// neighbours are restricted to good ones.
func goodOf(all []*link) []*link {
	var good []*link
	for _, l := range all {
		if l.Good() {
			good = append(good, &link{Manifest: l.Manifest, source: l.source, blind: l.blind, doubt: l.doubt, copyOf: l})
		}
	}
	linkNeighbours(good)
	return good
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
	return slices.ContainsFunc(l.Missing, func(m snapshot.Missing) bool { return m.Path == path })
}
