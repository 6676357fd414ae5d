package retention

import "github.com/qsnap/qsnap/snapshot"

// A Series is who makes versions for whom: an installation, for a profile of a host. Two
// machines with one host name and one profile make two series. The zero values of Profile
// and Installation mean that the job isn't known, or that there was none.
type Series struct {
	Hostname     string
	Profile      string
	Installation snapshot.Installation
}

// SeriesOf returns the series that a snapshot belongs to.
func SeriesOf(m *snapshot.Manifest) Series {
	return Series{m.Hostname, m.Job.Profile, m.Job.Installation}
}

// Slots counts the slots that snapshots belong to. Each series has slots of its own, and a
// snapshot without a slot is one by itself.
func Slots(snapshots []*snapshot.Manifest) int {
	type slot struct {
		series Series
		at     instant
	}
	seen, alone := map[slot]bool{}, 0
	for _, m := range snapshots {
		if at := m.Job.Slot; at.IsZero() {
			alone++
		} else {
			seen[slot{SeriesOf(m), instant{at.Unix(), at.Nanosecond()}}] = true
		}
	}
	return alone + len(seen)
}
