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

// AddedSinceFull returns what was added from the last full snapshot up to m, or false if there
// is none. The snapshots are all of one source.
func AddedSinceFull(m *Manifest, all []*Manifest) (s SinceFull, ok bool) {
	ordered := slices.SortedFunc(slices.Values(all), Compare)
	var counted uint64
	for i, other := range ordered {
		switch {
		case other.Kind != m.Kind || Compare(other, m) > 0 || i > 0 && other.Number == ordered[i-1].Number:
		case other.Level == LevelFull && (s.Full == nil || other.Good() || !s.Full.Good()):
			s, counted = SinceFull{Full: other}, 0
		case s.Full != nil:
			s.Bytes += other.Stats.DataAdded + other.Stats.TreeAdded
			counted++
		}
	}
	if s.Full != nil && m.Number-s.Full.Number > counted {
		s.Missing = m.Number - s.Full.Number - counted
	}
	return s, s.Full != nil
}
