package snapshot

import (
	"testing"
	"time"
)

// series returns snapshots of one source, a minute apart: f is full, F full and incomplete,
// d differential, and any other letter incremental.
func series(levels string) (all []*Manifest) {
	for i, level := range levels {
		m := &Manifest{
			ID: ID{byte(i + 1)}, Number: uint64(i + 1), Hostname: "web1", Paths: []string{"/srv"},
			End: time.Unix(1e9+int64(i)*60, 0), Stats: Stats{DataAdded: 1 << i, TreeAdded: 1000},
		}
		switch level {
		case 'f', 'F':
			m.Level = LevelFull
		case 'd':
			m.Level = LevelDifferential
		}
		if level == 'F' {
			m.Missing = []Missing{{Path: "/srv"}}
		}
		if i > 0 {
			m.Previous = all[i-1].ID
		}
		all = append(all, m)
	}
	return all
}

func TestTheLastFullSnapshotIsTheNewestGoodOne(t *testing.T) {
	for levels, want := range map[string]uint64{"iid": 0, "fii": 1, "fifdi": 3, "fiFi": 1, "iFiFi": 4} {
		var number uint64
		if m := LastFull(series(levels), time.Unix(2e9, 0)); m != nil {
			number = m.Number
		}
		if number != want {
			t.Errorf("%s: the last full one is number %d, not %d", levels, number, want)
		}
	}
}

func TestNewBytesAreCountedSinceTheLastFullSnapshot(t *testing.T) {
	all := series("ifidf")
	repaired := *all[3]
	repaired.ID, repaired.Original = ID{8}, all[3].ID
	all = append(all, &repaired)

	for i, want := range []uint64{0, 0, 4 + 1000, 4 + 8 + 2000, 0} {
		s, ok := AddedSinceFull(all[i], all)
		if ok != (i > 0) || s.Bytes != want || s.Missing != 0 {
			t.Errorf("number %d: %+v, %v, not %d bytes", i+1, s, ok, want)
		}
	}
	if s, ok := AddedSinceFull(all[3], []*Manifest{all[1], all[3]}); !ok || s.Full != all[1] || s.Bytes != 8+1000 || s.Missing != 1 {
		t.Errorf("one was forgotten: %+v, %v", s, ok)
	}
}
