package snapshot

import (
	"slices"
	"time"
)

// LastFull returns the snapshot that a differential one of the same source is compared with:
// the newest full one that is good or, if none is, the newest full one. It returns nil if none
// is full. The snapshots are all of one source.
func LastFull(all []*Manifest, now time.Time) *Manifest {
	full := slices.DeleteFunc(slices.Clone(all), func(m *Manifest) bool { return m.Level != LevelFull })
	good := slices.DeleteFunc(slices.Clone(full), func(m *Manifest) bool { return !m.Good() })
	if len(good) > 0 {
		full = good
	}
	return Newest(full, now)
}

// SinceFull is what was added since the last full snapshot of a source.
type SinceFull struct {
	Full  *Manifest
	Bytes uint64 // of data and trees that were new in the snapshots after it
	// Missing is how many snapshots after it have been forgotten. What these added isn't in
	// Bytes.
	Missing uint64
}

// AddedSinceFull returns what was added from the last full snapshot of the source up to m, or
// false if there is none. The snapshots may be of any sources.
func AddedSinceFull(m *Manifest, all []*Manifest) (s SinceFull, ok bool) {
	counted := map[uint64]*Manifest{} // by Number
	for _, other := range all {
		if !sameChain(m, other) || Compare(other, m) > 0 {
			continue
		}
		if twin := counted[other.Number]; twin == nil || Compare(twin, other) > 0 {
			counted[other.Number] = other
		}
		if other.Level == LevelFull && (s.Full == nil || isBase(other, s.Full)) {
			s.Full = other
		}
	}
	if s.Full == nil {
		return s, false
	}
	s.Missing = m.Number - s.Full.Number
	for number, other := range counted {
		if number > s.Full.Number {
			s.Bytes += other.Stats.DataAdded + other.Stats.TreeAdded
			s.Missing--
		}
	}
	return s, true
}

// isBase reports whether the full snapshot a is a better base than the full snapshot b.
func isBase(a, b *Manifest) bool {
	if a.Good() != b.Good() {
		return a.Good()
	}
	return Compare(a, b) > 0
}

// sameChain reports whether two snapshots are of the same host, paths and kind.
func sameChain(a, b *Manifest) bool {
	return a.Hostname == b.Hostname && a.Kind == b.Kind && slices.Equal(a.Paths, b.Paths)
}
