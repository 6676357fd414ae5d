package retention

import "github.com/qsnap/qsnap/snapshot"

// keepFull keeps the snapshot that the next differential one is compared with, if there is
// one: see snapshot.LastFull.
func (c chain) keepFull() {
	var last *link
	for _, l := range c { // the oldest first
		if l.Level == snapshot.LevelFull && (last == nil || l.Good() || !last.Good()) {
			last = l
		}
	}
	if last != nil {
		last.keep("last full")
	}
}
