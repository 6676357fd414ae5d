package capture

import (
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A file that changes twice within one tick of the clock that stamps it has the same
// ctime after both, and a snapshot may have read it in between. So what was stamped
// shortly before a snapshot began, or later, is read again by the next.
//
// How shortly depends on the file system. Linux stamps with a clock that it sets once in
// a jiffy, which has 10 ms at most; others keep seconds only, or every other second, or
// have stamps that another machine makes, whose clock may be late.
const (
	coarseTick = 2 * time.Second
	fineTick   = 50 * time.Millisecond // a jiffy, and more
)

// A racyTime says from when on changes are racy.
type racyTime struct{ coarse, fine snapshot.Time }

// racySince returns it for what is compared with a capture that began then.
func racySince(start time.Time) racyTime {
	return racyTime{snapshot.TimeOf(start.Add(-coarseTick)), snapshot.TimeOf(start.Add(-fineTick))}
}

// has reports whether a change is racy, of a file on a file system that is known to stamp
// with this machine's clock or not. Stamps without a fraction may be of one that has no
// room for it.
func (r racyTime) has(ctime snapshot.Time, local bool) bool {
	since := r.coarse
	if local && ctime.Nsec != 0 {
		since = r.fine
	}
	return ctime.Sec > since.Sec || ctime.Sec == since.Sec && ctime.Nsec >= since.Nsec
}

// stampsHere reports whether a directory's file system is known to stamp with this
// machine's clock. It asks once for each device.
func (c *capture) stampsHere(n *node) bool {
	if known, ok := c.stamps.Load(n.device); ok {
		return known.(bool)
	}
	here := n.dir.StampsHere()
	c.stamps.Store(n.device, here)
	return here
}
