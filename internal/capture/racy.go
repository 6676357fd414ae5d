package capture

import (
	"cmp"
	"slices"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A file that changes twice within one tick of the clock that stamps it has the same
// ctime after both changes, and a snapshot may have read it in between. So a stamp is
// settled only if the file system's clock is known to have advanced since: if the run
// that read the file saw a newer stamp there. The next run reads files without a settled
// stamp again.
//
// The host's clock says nothing about that. The file system may be on another machine, or
// it may be frozen: a snapshot of a volume, read long after it was made, holds stamps of
// the very tick in which it was made.
//
// A stamp shows that the clock has advanced only if it was made before the run read
// anything. So stamps newer than the run's beginning don't count, nor do those of a clock
// that was once set to a wrong later time. If qsnap itself stores something on the same
// file system, it makes a stamp there.
const (
	coarseTick = 2 * time.Second // of file systems that store whole seconds, or that are unknown
	fineTick   = 50 * time.Millisecond

	// A run of an older qsnap version recorded nothing about clocks. How long before the
	// run the file system may have been frozen is a guess.
	legacySlack = 24 * time.Hour
)

// A racyTime is the moment from which stamps are not settled.
type racyTime struct{ coarse, fine snapshot.Time }

// has reports whether a stamp is not settled. A stamp without a fraction may come from a
// file system that stores none.
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

// earlier returns t minus a duration.
func earlier(t snapshot.Time, by time.Duration) snapshot.Time {
	nsec := int64(t.Nsec) - int64(by%time.Second)
	sec := t.Sec - int64(by/time.Second)
	if nsec < 0 {
		sec, nsec = sec-1, nsec+1e9
	}
	return snapshot.Time{Sec: sec, Nsec: int32(nsec)}
}

// legacyRacy returns the racyTime for a run that began at start and didn't record which
// stamps it saw.
func legacyRacy(start time.Time, p *volume) racyTime {
	from := snapshot.TimeOf(start)
	switch {
	case !p.live:
		return racyTime{earlier(from, legacySlack), earlier(from, legacySlack)}
	case p.stamped:
		return racyTime{earlier(from, coarseTick), earlier(from, fineTick)}
	}
	return racyTime{earlier(from, coarseTick), earlier(from, coarseTick)}
}

// racyAt returns the racyTime for what is compared with the parent.
func (c *capture) racyAt(p *volume) racyTime {
	if c.Parent == nil {
		return racyTime{}
	}
	i := slices.IndexFunc(c.Parent.Settled, func(s snapshot.Settled) bool { return s.Path == p.path })
	if i < 0 {
		return legacyRacy(c.Parent.Start, p)
	}
	return racyTime{c.Parent.Settled[i].Before, c.Parent.Settled[i].Before}
}

// stamps summarize the stamps that a run has seen on a volume.
type stamps struct {
	any    bool
	coarse bool // some stamps have no fraction
	newest snapshot.Time
}

// add adds a stamp, unless it is later than the run's beginning.
func (s *stamps) add(t, start snapshot.Time) {
	if t.Nsec == 0 {
		s.coarse = true
	}
	if compareTimes(t, start) <= 0 && (!s.any || compareTimes(t, s.newest) > 0) {
		s.any, s.newest = true, t
	}
}

// merge adds the stamps that another goroutine has seen.
func (s *stamps) merge(o stamps) {
	s.coarse = s.coarse || o.coarse
	if o.any && (!s.any || compareTimes(o.newest, s.newest) > 0) {
		s.any, s.newest = true, o.newest
	}
}

// maxSettled limits the volumes that a manifest records.
const maxSettled = 256

// settled returns, for each volume, the moment from which stamps are not settled for the
// next run.
func (c *capture) settled() (out []snapshot.Settled) {
	for _, p := range c.volumes {
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
