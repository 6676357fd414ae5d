package capture

import (
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

func TestAStampIsSettledWhenANewerOneWasSeen(t *testing.T) {
	at := func(ms int64) snapshot.Time { return snapshot.TimeOf(time.UnixMilli(1_000_000_000 + ms).Add(1)) } // with a fraction
	whole := func(sec int64) snapshot.Time { return snapshot.Time{Sec: 1_000_000 + sec} }
	start := at(60_000)
	for _, c := range []struct {
		what    string
		stamped bool
		seen    []snapshot.Time
		settled []snapshot.Time
		racy    []snapshot.Time
	}{
		{"one stamp shows nothing", true, []snapshot.Time{at(0)}, []snapshot.Time{at(-60)}, []snapshot.Time{at(0), at(-40), at(500_000)}},
		{"a newer one does", true, []snapshot.Time{at(0), at(100), at(50)}, []snapshot.Time{at(0), at(40)}, []snapshot.Time{at(60), at(100)}},
		{"seconds take two of them", true, []snapshot.Time{whole(0), at(5000)}, []snapshot.Time{whole(2)}, []snapshot.Time{whole(4), at(4000)}},
		{"so does a file system that nothing is known of", false, []snapshot.Time{at(0), at(5000)}, []snapshot.Time{at(2900)}, []snapshot.Time{at(3100)}},
		{"a stamp from later than the run is none", true, []snapshot.Time{at(0), at(100), at(99_000_000)}, []snapshot.Time{at(40)}, []snapshot.Time{at(100), at(99_000_000)}},
	} {
		p := &volume{stamped: c.stamped}
		for _, s := range c.seen {
			p.seen.add(s, start)
		}
		run := &capture{volumes: []*volume{p}}
		next := &capture{Options: Options{Parent: &snapshot.Manifest{Settled: run.settled()}}}
		racy := next.racyAt(&volume{})
		for _, s := range c.settled {
			if racy.has(s) {
				t.Errorf("%s: %v isn't settled, from %v", c.what, s, racy.coarse)
			}
		}
		for _, s := range c.racy {
			if !racy.has(s) {
				t.Errorf("%s: %v is settled, from %v", c.what, s, racy.coarse)
			}
		}
	}
}

// What older versions read, and what is compared with a run that was interrupted.
func TestWithoutKnownStampsARunsBeginningCounts(t *testing.T) {
	start := time.Unix(1_000_000, 500_000_000)
	for _, c := range []struct {
		before            time.Duration // the start
		nsec              int32         // -1 for as it is
		here, live, other bool          // whether it is racy on a file system of this machine, another that is in use, and any other
	}{
		{-time.Second, -1, true, true, true},
		{0, -1, true, true, true},
		{40 * time.Millisecond, -1, true, true, true},
		{60 * time.Millisecond, -1, false, true, true},
		{1900 * time.Millisecond, -1, false, true, true},
		{2100 * time.Millisecond, -1, false, false, true},
		{500 * time.Millisecond, 0, true, true, true}, // may be of a file system that keeps seconds
		{2500 * time.Millisecond, 0, false, false, true},
		{23 * time.Hour, -1, false, false, true},
		{25 * time.Hour, -1, false, false, false},
	} {
		ctime := snapshot.TimeOf(start.Add(-c.before))
		if c.nsec >= 0 {
			ctime.Nsec = c.nsec
		}
		for _, p := range []struct {
			*volume
			want bool
		}{{&volume{live: true, stamped: true}, c.here}, {&volume{live: true}, c.live}, {&volume{stamped: true}, c.other}} {
			if got := legacyRacy(start, p.volume).has(ctime); got != p.want {
				t.Errorf("%v before, live %v, stamped here %v: racy is %v", c.before, p.live, p.stamped, got)
			}
		}
	}
}
