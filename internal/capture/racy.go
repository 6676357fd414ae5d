package capture

import (
	"cmp"
	"slices"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A file that changes twice within one tick of the clock that stamps it has the same
// ctime after both, and a snapshot may have read it in between. So a stamp is settled
// only if the file system's clock is known to have gone on since: if the run that read
// the file saw a newer stamp there. What isn't settled is read again by the next run.
//
// The host's clock says nothing about that. The file system may be another machine's, or
// it may stand still: a snapshot of a volume, read long after it was made, holds stamps
// of the very tick in which it was made.
//
// A stamp shows that the clock has gone on only if it was made before the run read
// anything. So newer ones than the run's beginning don't count, nor do those of a clock
// that was once set wrong to a later time. Where qsnap itself keeps something on the same
// file system it makes a stamp there.
const (
	coarseTick = 2 * time.Second // of file systems that keep seconds, or of which nothing is known
	fineTick   = 50 * time.Millisecond

	// What a run of an older version has read says nothing of clocks. How long before it
	// the file system may have stood still is a guess.
	legacySlack = 24 * time.Hour
)

// A racyTime says from when on stamps are not settled.
type racyTime struct{ coarse, fine snapshot.Time }

// has reports whether a stamp is not settled. One without a fraction may be of a file
// system that has no room for it.
func (r racyTime) has(stamp snapshot.Time) bool {
	since := r.coarse
	if stamp.Nsec != 0 {
		since = r.fine
	}
	return compareTimes(stamp, since) >= 0
}

func compareTimes(a, b snapshot.Time) int {
	return cmp.Or(cmp.Compare(a.Sec, b.Sec), cmp.Compare(a.Nsec, b.Nsec))
}

// earlier returns the moment that is so much before t.
func earlier(t snapshot.Time, by time.Duration) snapshot.Time {
	nsec := int64(t.Nsec) - int64(by%time.Second)
	sec := t.Sec - int64(by/time.Second)
	if nsec < 0 {
		sec, nsec = sec-1, nsec+1e9
	}
	return snapshot.Time{Sec: sec, Nsec: int32(nsec)}
}

// legacyRacy returns it for what a run read that began then and didn't say which stamps
// it saw.
func legacyRacy(start time.Time, p *place) racyTime {
	from := snapshot.TimeOf(start)
	switch {
	case !p.live:
		return racyTime{earlier(from, legacySlack), earlier(from, legacySlack)}
	case p.stamped:
		return racyTime{earlier(from, coarseTick), earlier(from, fineTick)}
	}
	return racyTime{earlier(from, coarseTick), earlier(from, coarseTick)}
}

// racyAt returns it for what is compared with the parent.
func (c *capture) racyAt(p *place) racyTime {
	if c.Parent == nil {
		return racyTime{}
	}
	i := slices.IndexFunc(c.Parent.Settled, func(s snapshot.Settled) bool { return s.Path == p.path })
	if i < 0 {
		return legacyRacy(c.Parent.Start, p)
	}
	return racyTime{c.Parent.Settled[i].Before, c.Parent.Settled[i].Before}
}

// Stamps are what a run has seen of the stamps of a place.
type stamps struct {
	any    bool
	coarse bool // some have no fraction
	newest snapshot.Time
}

// add adds one, unless it is later than the run's beginning.
func (s *stamps) add(t, start snapshot.Time) {
	if t.Nsec == 0 {
		s.coarse = true
	}
	if compareTimes(t, start) <= 0 && (!s.any || compareTimes(t, s.newest) > 0) {
		s.any, s.newest = true, t
	}
}

// merge adds those that somebody else has seen.
func (s *stamps) merge(o stamps) {
	s.coarse = s.coarse || o.coarse
	if o.any && (!s.any || compareTimes(o.newest, s.newest) > 0) {
		s.any, s.newest = true, o.newest
	}
}

// maxSettled bounds the places of which a manifest tells.
const maxSettled = 256

// settled returns from when on the stamps of each place are settled for the next run.
func (c *capture) settled() (out []snapshot.Settled) {
	for _, p := range c.places {
		if !p.seen.any {
			continue
		}
		tick := fineTick
		if p.seen.coarse || !p.stamped {
			tick = coarseTick
		}
		out = append(out, snapshot.Settled{Path: p.path, Before: earlier(p.seen.newest, tick)})
	}
	slices.SortFunc(out, func(a, b snapshot.Settled) int { return cmp.Compare(a.Path, b.Path) })
	return out[:min(len(out), maxSettled)]
}
