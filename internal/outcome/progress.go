package outcome

import "time"

// Interval is how often progress is reported.
const Interval = 100 * time.Millisecond

// Progress is how much of an operation is done.
type Progress struct {
	Phase       string
	Done, Total int64 // in units; Total is 0 if it is unknown
	Unit        string
	Elapsed     time.Duration
}

// The units of progress.
const (
	Objects   = "objects"
	Bytes     = "bytes"
	Snapshots = "snapshots"
)

// A Cost is the requests to a target, and the bytes that they move.
type Cost struct {
	Requests  int64
	BytesUp   int64
	BytesDown int64
}
