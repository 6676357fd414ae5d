package snapshot

// A Series is who makes versions for whom: an installation, for a profile of a host. Two
// machines with one host name and one profile make two series. The zero values of Profile
// and Installation mean that the job isn't known, or that there was none.
type Series struct {
	Hostname     string
	Profile      string
	Installation Installation
}

// Series returns the series that the snapshot belongs to.
func (m *Manifest) Series() Series { return Series{m.Hostname, m.Job.Profile, m.Job.Installation} }
