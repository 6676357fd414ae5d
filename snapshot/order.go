package snapshot

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"
)

// A Placed is a snapshot with the time that it counts with among those of all sources.
type Placed struct {
	*Manifest
	// Time is End if that is trusted. Otherwise it is the End of the nearest trusted
	// snapshot of the same source: the one before it or, if there is none, the one after
	// it.
	Time  time.Time
	Doubt string // why End isn't trusted, such as "dated in the future"; empty if it is
}

// Order returns snapshots in the order in which they were taken, oldest first. Policies
// use this order (see Policy), and it alone decides which snapshot is newest. Within a
// source, which is a host, paths and a kind, it is the order of Number. Across sources it
// is the order of the times at which snapshots ended, as far as those are trusted. A
// source without any trusted time comes before all others.
func Order(all []*Manifest, now time.Time) []Placed {
	var out []Placed
	for _, l := range merge(chainsOf(all, now)) {
		out = append(out, Placed{l.Manifest, l.time, l.doubt})
	}
	slices.Reverse(out)
	return out
}

// Newest returns the newest of the snapshots, or nil if there are none.
func Newest(all []*Manifest, now time.Time) *Manifest {
	if len(all) == 0 {
		return nil
	}
	placed := Order(all, now)
	return placed[len(placed)-1].Manifest
}

// At returns the newest of the snapshots, as returned by Order, that had ended at time t,
// or nil if there is none. If t is the End of a snapshot, to the second, At returns that
// snapshot, even if its End isn't trusted.
func At(placed []Placed, t time.Time) *Manifest {
	var newest *Manifest
	meant := false
	for _, p := range placed {
		named, before := p.End.Unix() == t.Unix(), !p.Time.After(t)
		if named && (before || p.Doubt != "") {
			newest, meant = p.Manifest, true
		} else if before && !meant {
			newest = p.Manifest
		}
	}
	return newest
}

// A Source is what snapshots are versions of: a host and paths.
type Source struct {
	Hostname string
	Paths    []string
}

// Source returns what the snapshot is a version of.
func (m *Manifest) Source() Source { return Source{m.Hostname, m.Paths} }

// String returns host:path. Commas separate further paths.
func (s Source) String() string { return s.Hostname + ":" + strings.Join(s.Paths, ", ") }

// Compare returns a negative number if a was taken before b, of the same source, and a
// positive number if it was taken after b. A snapshot comes before those that were made
// from it.
func Compare(a, b *Manifest) int {
	made := func(m *Manifest) int {
		if m.Original.IsZero() {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Number, b.Number), a.End.Compare(b.End), made(a)-made(b), bytes.Compare(a.ID[:], b.ID[:]))
}
