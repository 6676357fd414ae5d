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
	// Time is End, if that is trusted; else it is the End of the nearest snapshot of the
	// same source that is: the one before it or, if there is none, the one after it.
	Time  time.Time
	Doubt string // why End isn't trusted, such as "dated in the future"; empty if it is
}

// Order returns snapshots in the order in which they were taken, the oldest first. It is
// the order that policies go by (see Policy) and the only one that says what is newest:
// within a source, which is a host, paths and a kind, that of Number; across sources that
// of the times at which snapshots ended, as far as these can be trusted. A source without
// any time that can be trusted comes before all others.
func Order(all []*Manifest, now time.Time) []Placed {
	var out []Placed
	for _, l := range merge(chainsOf(all, now)) {
		out = append(out, Placed{l.Manifest, l.time, l.doubt})
	}
	slices.Reverse(out)
	return out
}

// Newest returns the newest of some snapshots, or nil if there are none.
func Newest(all []*Manifest, now time.Time) *Manifest {
	if len(all) == 0 {
		return nil
	}
	placed := Order(all, now)
	return placed[len(placed)-1].Manifest
}

// At returns the newest of some snapshots, which Order has placed, that had ended at a
// time, or nil if none had. A time that is the End of one, to the second, means that one,
// even if it isn't trusted.
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

// String returns host:path, with the further paths after commas.
func (s Source) String() string { return s.Hostname + ":" + strings.Join(s.Paths, ", ") }

// Compare returns a negative number if a was taken before b, of the same source, and a
// positive one if it was taken after it. One comes before those that were made from it.
func Compare(a, b *Manifest) int {
	made := func(m *Manifest) int {
		if m.Original.IsZero() {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Number, b.Number), a.End.Compare(b.End), made(a)-made(b), bytes.Compare(a.ID[:], b.ID[:]))
}
