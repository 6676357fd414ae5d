package repo

import (
	"time"

	"github.com/qsnap/qsnap/internal/outcome"
)

// Progress is how far a call has come. It is reported now and then, by one goroutine at a
// time, which the function that it is given to holds up. The last report of a phase may
// have Done below Total; the call has ended when it returns.
type Progress struct {
	Phase   Phase
	Done    int64 // in Unit, of this phase
	Total   int64 // the same; 0 if it isn't known
	Unit    Unit
	Elapsed time.Duration // since the beginning, over all phases
}

// A Phase is a part of what is under way.
type Phase string

// A Unit is what progress counts.
type Unit string

// The units of progress.
const (
	UnitObjects   Unit = "objects"
	UnitBytes     Unit = "bytes"
	UnitSnapshots Unit = "snapshots"
)

// progressTo returns what reports progress of a room to a function, or nil for nil.
func progressTo(f func(Progress)) func(outcome.Progress) {
	if f == nil {
		return nil
	}
	return func(p outcome.Progress) { f(progressOf(p)) }
}

// progressOf returns the progress of a room.
func progressOf(p outcome.Progress) Progress {
	return Progress{Phase(p.Phase), p.Done, p.Total, Unit(p.Unit), p.Elapsed}
}

// A Cost is what something asks of a target, once the repository is open. A request is
// a call of a method of target.Target; a server may need several exchanges for one.
type Cost struct {
	Requests  int64 `json:"requests"`
	BytesUp   int64 `json:"bytes_to_send"`
	BytesDown int64 `json:"bytes_to_fetch"`
}
