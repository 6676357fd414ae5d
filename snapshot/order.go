package snapshot

import (
	"bytes"
	"cmp"
	"fmt"
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
	Doubt string // why End isn't trusted: InFuture or OutOfOrder; empty if it is
}

// Reasons why an End isn't trusted.
const (
	InFuture   = "dated in the future"
	OutOfOrder = "dated out of order"
)

// Order returns snapshots in the order in which they were taken, oldest first. It alone
// decides which snapshot is newest, and retention policies use it.
//
// The snapshots of a source, which is a host, paths and a kind, form a chain in the order
// of Number. Snapshots with the same Number, taken at once, are in the order of End, then
// ID. No clock changes this order. A stamp End is trusted if it fits: it is not later than
// now, without any tolerance, and it belongs to the longest subsequence of such stamps in
// the chain that never decreases. If there are several, the one counts whose first members
// are lowest in the chain. All other stamps are untrusted: dated in the future, or out of
// order.
//
// Chains of several sources are merged by their trusted stamps. An untrusted snapshot goes
// after the nearest trusted one before it in its chain or, if there is none, before the
// nearest one after it. A chain without any trusted stamp comes before all others.
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

// String returns the first digits of the id, the source, and when the snapshot was finished,
// for people and logs.
func (m *Manifest) String() string {
	return fmt.Sprintf("%s %v %s", m.ID.Short(), m.Source(), m.End.Format(time.DateTime))
}

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
