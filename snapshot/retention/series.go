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
