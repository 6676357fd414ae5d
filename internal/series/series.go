package series

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// A Seen is a series, and when it was seen.
type Seen struct {
	retention.Series
	Versions    int
	First, Last time.Time // when its first and its last version ended, as far as stamps are trusted
	Newest      *snapshot.Manifest
}

// All returns the series of the source versions among manifests, sorted by host, profile and
// installation.
func All(ms []*snapshot.Manifest, now time.Time) []Seen {
	seen := map[retention.Series]*Seen{}
	for _, p := range snapshot.Order(ms, now) {
		if p.Kind != snapshot.KindSource {
			continue
		}
		s := seen[retention.SeriesOf(p.Manifest)]
		if s == nil {
			s = &Seen{Series: retention.SeriesOf(p.Manifest), First: p.Time}
			seen[retention.SeriesOf(p.Manifest)] = s
		}
		s.Versions++
		s.Newest = p.Manifest
		if p.Time.After(s.Last) {
			s.Last = p.Time
		}
	}
	var out []Seen
	for _, s := range seen {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.Profile, b.Profile), bytes.Compare(a.Installation[:], b.Installation[:]))
	})
	return out
}

// Others returns the other installations that have made versions for the same profile of the
// same host, the one that was seen last first: a cloned or restored machine, or one whose
// state directory was lost. Versions without an installation belong to none.
func Others(ms []*snapshot.Manifest, mine retention.Series, now time.Time) (others []Seen) {
	for _, s := range All(ms, now) {
		if s.Hostname == mine.Hostname && s.Profile == mine.Profile && s.Installation != mine.Installation && !s.Installation.IsZero() {
			others = append(others, s)
		}
	}
	slices.SortStableFunc(others, func(a, b Seen) int { return b.Last.Compare(a.Last) })
	return others
}
