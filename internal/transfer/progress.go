package transfer

import (
	"sync"
	"time"

	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/snapshot"
)

// PhaseCopying is the only phase of a copy.
const PhaseCopying = "copying"

// Progress is how far a copy has come, in snapshots.
type Progress struct {
	outcome.Progress
	Report   Report // so far
	Finished bool   // this is the last call

	Current *snapshot.Manifest // the one being copied, or nil
	Copy    *snapshot.Manifest // what it is in the destination, once it is there
	Problem error              // why it could not be copied
}

// A Report counts what was copied.
type Report struct {
	Copied      int64
	Skipped     int64 // snapshots that were there already, or were forgotten meanwhile
	Failed      int64
	BytesRead   int64 // of packs that were moved, and of chunks and trees
	PacksMoved  int64 // unchanged
	BytesMoved  int64
	Blobs       int64 // that were packed again
	BlobBytes   int64 // of these, before compression
	BytesStored int64 // in all, moved or packed again
}

// progress counts what a copy does and reports it. It is safe for concurrent use.
type progress struct {
	now           func() time.Time
	start         time.Time
	notify        func(Progress) // may be nil
	sessionCounts func() write.Counts

	notifying sync.Mutex // held during calls of notify: counting must not wait for them

	mu      sync.Mutex // of what follows
	counts  Report     // without what the session counts
	current *snapshot.Manifest
	done    int64 // snapshots
	total   int64
	last    time.Time // of a report
}

// begin sets how many snapshots are to be copied, and how many are there already.
func (p *progress) begin(total, skipped int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.counts.Skipped = int64(total), int64(skipped)
}

// startSnapshot records which snapshot is being copied.
func (p *progress) startSnapshot(m *snapshot.Manifest) {
	p.mu.Lock()
	p.current = m
	p.mu.Unlock()
	p.reportIfDue()
}

// endSnapshot counts a snapshot, and reports what became of it.
func (p *progress) endSnapshot(change func(*Report), what Progress) {
	p.mu.Lock()
	p.done++
	change(&p.counts)
	p.mu.Unlock()
	p.report(what)
}

// count counts something, and reports it if a report is due.
func (p *progress) count(change func(*Report)) {
	p.mu.Lock()
	change(&p.counts)
	p.mu.Unlock()
	p.reportIfDue()
}

func (p *progress) reportIfDue() {
	p.mu.Lock()
	due := p.now().Sub(p.last) >= outcome.Interval
	p.mu.Unlock()
	if due {
		p.report(Progress{})
	}
}

// report reports what has happened, with all that was counted so far.
func (p *progress) report(what Progress) {
	if p.notify == nil {
		return
	}
	p.notifying.Lock()
	defer p.notifying.Unlock()
	what.Report = p.totals()
	p.mu.Lock()
	p.last = p.now()
	what.Progress = outcome.Progress{Phase: PhaseCopying, Done: p.done, Total: p.total, Unit: outcome.Snapshots, Elapsed: p.last.Sub(p.start)}
	what.Current = p.current
	p.mu.Unlock()
	p.notify(what)
}

// totals returns what was counted so far.
func (p *progress) totals() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, s := p.counts, p.sessionCounts()
	r.Blobs = int64(s.DataBlobs + s.TreeBlobs)
	r.BlobBytes = int64(s.DataAdded + s.TreeAdded)
	r.BytesStored = r.BytesMoved + int64(s.DataStored+s.TreeStored+s.IndexStored)
	return r
}
