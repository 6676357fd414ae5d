package outcome

import "time"

// Interval is how often progress is reported.
const Interval = 100 * time.Millisecond

// Progress is how far something has come.
type Progress struct {
	Phase       string
	Done, Total int64  // in units; Total is 0 if it isn't known
	Unit        string // what is counted
	Elapsed     time.Duration
}

// The units of progress.
const (
	Objects   = "objects"
	Bytes     = "bytes"
	Snapshots = "snapshots"
)

// A Cost is what something asks of a target.
type Cost struct {
	Requests  int64
	BytesUp   int64
	BytesDown int64
}
