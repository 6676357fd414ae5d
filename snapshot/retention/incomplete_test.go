package retention

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// spoil makes some snapshots incomplete, in several ways.
func spoil(r *rand.Rand, group []*snapshot.Manifest) {
	often := 1 + r.IntN(6)
	for _, m := range group {
		switch r.IntN(often + 2) {
		case 0:
			m.Unread = snapshot.Unread{Dirs: 1, LostDirs: 1}
		case 1:
			for _, path := range []string{"/srv", "/db"} {
				if r.IntN(2) == 0 {
					m.Missing = append(m.Missing, snapshot.Missing{Path: path})
				}
			}
		}
	}
}

func TestAnIncompleteOneNeverPushesAGoodOneOut(t *testing.T) {
	spoiled := 0
	histories(t, 3000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		slices.SortFunc(group, func(a, b *snapshot.Manifest) int { return a.End.Compare(b.End) })
		for i, m := range group { // a clock that is right
			*m = *taken(m.Hostname, uint64(i+1), m.End)
		}
		spoil(r, group)
		var good []*snapshot.Manifest
		for _, m := range group {
			if m.Good() {
				good = append(good, m)
			} else {
				spoiled++
			}
		}
		now = now.AddDate(10, 0, 0)
		with := byID(p.Decide(group, now))
		for _, m := range kept(p.Decide(good, now)) {
			if !with[m.ID].Keep {
				t.Errorf("number %d of %s is pushed out", m.Number, m.Hostname)
			}
		}
	})
	if spoiled < 5000 {
		t.Errorf("only %d are incomplete", spoiled)
	}
}

func TestTheNewestThatHoldsAPathStays(t *testing.T) {
	saved := 0
	histories(t, 3000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		spoil(r, group)
		if p.KeepLast == 0 && !p.usesTime() {
			return
		}
		decisions := byID(p.Decide(group, now))
		_, chains := chainsOf(group, now)
		for _, c := range chains {
			newest := len(c) - 1
			for newest >= 0 && !decisions[c[newest].ID].Keep {
				newest--
			}
			for _, path := range []string{"/srv", "/db"} {
				if newest < 0 || !c[newest].misses(path) {
					continue
				}
				for i := newest - 1; i >= 0; i-- {
					if c[i].misses(path) {
						continue
					}
					if d := decisions[c[i].ID]; !d.Keep {
						t.Errorf("number %d of %s goes, the newest with %s", c[i].Number, c[i].Hostname, path)
					} else if len(d.Reasons) == 1 {
						saved++
					}
					break
				}
			}
		}
	})
	if saved < 30 {
		t.Errorf("only %d were saved by that", saved)
	}
}

func TestWhatIsKeptOfIncompleteOnesIsKeptAgain(t *testing.T) {
	histories(t, 3000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		spoil(r, group)
		left := kept(p.Decide(group, now))
		for _, d := range p.Decide(left, now) {
			if !d.Keep {
				t.Errorf("number %d of %s goes the second time", d.Manifest.Number, d.Manifest.Hostname)
			}
		}
	})
}
