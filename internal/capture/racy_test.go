package capture

import (
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

func TestWhatIsReadAgainDependsOnWhoseClockStamps(t *testing.T) {
	start := time.Unix(1_000_000, 500_000_000)
	for _, c := range []struct {
		before      time.Duration // the start
		nsec        int32         // -1 for as it is
		here, other bool          // whether it is racy on a file system that stamps here, and on others
	}{
		{-time.Second, -1, true, true},
		{0, -1, true, true},
		{40 * time.Millisecond, -1, true, true},
		{60 * time.Millisecond, -1, false, true},
		{1900 * time.Millisecond, -1, false, true},
		{2100 * time.Millisecond, -1, false, false},
		{500 * time.Millisecond, 0, true, true}, // may be of a file system that keeps seconds
		{2500 * time.Millisecond, 0, false, false},
	} {
		ctime := snapshot.TimeOf(start.Add(-c.before))
		if c.nsec >= 0 {
			ctime.Nsec = c.nsec
		}
		if got := racySince(start).has(ctime, true); got != c.here {
			t.Errorf("%v before, stamped here: racy is %v", c.before, got)
		}
		if got := racySince(start).has(ctime, false); got != c.other {
			t.Errorf("%v before, stamped elsewhere: racy is %v", c.before, got)
		}
	}
}
