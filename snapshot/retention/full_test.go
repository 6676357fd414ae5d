package retention

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// leveled returns snapshots of one source, one an hour: f is full, F full and incomplete, and
// any other letter is incremental.
func leveled(levels string) (group []*snapshot.Manifest, now time.Time) {
	now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, level := range levels {
		now = now.Add(time.Hour)
		m := taken("web1", uint64(i+1), now)
		if level != 'i' {
			m.Level = snapshot.LevelFull
		}
		if level == 'F' {
			m.Missing = []snapshot.Missing{{Path: m.Paths[0]}}
		}
		group = append(group, m)
	}
	return group, now
}

func TestTheLastFullSnapshotStaysBeyondTheCount(t *testing.T) {
	for levels, want := range map[string]string{
		"fifiiiii": "8 [last 3] 7 [last 3] 6 [last 3] 3 [last full]",
		"iiiiiiii": "8 [last 3] 7 [last 3] 6 [last 3]",
		"fiiiiifi": "8 [last 3] 7 [last 3 last full] 6 [last 3]",
		"fiiiiFii": "8 [last 3] 7 [last 3] 6 [last 3] 5 [last 3] 1 [last full]",
		"iiFFiiii": "8 [last 3] 7 [last 3] 6 [last 3] 4 [last full]",
	} {
		group, now := leveled(levels)
		got := ""
		for _, d := range (Policy{KeepLast: 3, KeepFull: true}).Decide(group, now) {
			if d.Keep {
				got += fmt.Sprintf(" %d %v", d.Manifest.Number, d.Reasons)
			}
		}
		if got[1:] != want {
			t.Errorf("%s: kept are%s, not %s", levels, got, want)
		}
	}
}

// A source that is no longer taken isn't kept for the sake of its full snapshot.
func TestAFullSnapshotGoesWithItsSource(t *testing.T) {
	group, now := leveled("fi")
	for i := range 5 {
		m := taken("web1", uint64(i+1), now.Add(time.Duration(i+1)*time.Hour))
		m.Paths = []string{"/new"}
		group = append(group, m)
	}
	for _, d := range (Policy{KeepLast: 3, KeepFull: true}).Decide(group, now.Add(9*time.Hour)) {
		if d.Keep != (d.Manifest.Paths[0] == "/new" && d.Manifest.Number > 2) {
			t.Errorf("%v: kept is %v, %v", d.Manifest, d.Keep, d.Reasons)
		}
	}
}

// To keep the last full snapshot costs no other its place, and is decided the same way again.
func TestKeepFullOnlyAdds(t *testing.T) {
	histories(t, 2000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		for _, m := range group {
			if r.IntN(5) == 0 {
				m.Level = snapshot.LevelFull
			}
		}
		without := byID(p.Decide(group, now))
		p.KeepFull = true
		with := p.Decide(group, now)
		added := 0
		for _, d := range with {
			if !d.Keep && without[d.Manifest.ID].Keep {
				t.Fatalf("%v is no longer kept:\n%s", d.Manifest, list(with))
			}
			if slices.Contains(d.Reasons, "last full") {
				added++
			}
		}
		if full := snapshot.LastFull(group, now); full == nil && added > 0 {
			t.Fatalf("%d are kept as full:\n%s", added, list(with))
		}
		left := kept(with)
		for _, d := range p.Decide(left, now) {
			if !d.Keep {
				t.Fatalf("%v is not kept again:\n%s", d.Manifest, list(with))
			}
		}
	})
}
