package take

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/snapshot"
)

// Progress is how far a snapshot has come, and what happened just now.
type Progress struct {
	outcome.Progress // in bytes of the source; Total is that of the parent
	Stats            snapshot.Stats
	Parent           *snapshot.Manifest
	Current          string // the directory being captured, relative to the root
	Finished         bool   // this is the last call

	Problem error  // what could not be read correctly, or nil
	Notice  error  // a remark that is no problem, or nil
	Path    string // of the problem or notice

	Unmatched []string // patterns that matched nothing, once finished
}

// phase is the only phase of a snapshot.
const phase = "capture"

// A reporter calls the progress function, from one goroutine at a time, and gathers what
// could not be read.
type reporter struct {
	session *write.Session
	rules   *ignore.Set
	start   time.Time
	now     func() time.Time
	call    func(Progress) // nil for none
	causes  outcome.Causes
	counts  atomic.Pointer[capture.Progress] // of the capture that is running

	mu     sync.Mutex // held during calls
	parent *snapshot.Manifest
	quit   chan struct{}
	done   sync.WaitGroup
}

// newReporter returns the reporter of a run, which calls the progress function until stop.
func newReporter(r *run) *reporter {
	p := &reporter{
		session: r.session, rules: r.rules, parent: r.parent, start: r.m.Start, now: r.e.Now,
		call: r.o.Progress, quit: make(chan struct{}),
	}
	p.counts.Store(new(capture.Progress))
	if p.call != nil {
		p.done.Go(p.run)
	}
	return p
}

// restart counts from zero for another capture, which has no parent.
func (p *reporter) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parent = nil
	p.causes.Reset()
	p.counts.Store(new(capture.Progress))
}

// run reports progress until it is stopped.
func (p *reporter) run() {
	tick := time.NewTicker(outcome.Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.report(Progress{})
		case <-p.quit:
			return
		}
	}
}

// stop ends the calls with a last one.
func (p *reporter) stop() {
	close(p.quit)
	p.done.Wait()
	if p.call != nil {
		p.report(Progress{Finished: true, Unmatched: place.Unmatched(p.rules)})
	}
}

// report completes an update and passes it on.
func (p *reporter) report(u Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u.Stats, u.Parent = p.stats(), p.parent
	u.Progress = outcome.Progress{Phase: phase, Done: int64(u.Stats.Bytes), Unit: "bytes", Elapsed: p.now().Sub(p.start)}
	if p.parent != nil {
		u.Total = int64(p.parent.Stats.Bytes)
	}
	if dir := p.counts.Load().Current.Load(); dir != nil {
		u.Current = *dir
	}
	p.call(u)
}

func (p *reporter) problem(path string, err error) {
	p.causes.Add(path, err)
	if p.call != nil {
		p.report(Progress{Problem: err, Path: path})
	}
}

func (p *reporter) notice(path string, notice error) {
	if p.call != nil {
		p.report(Progress{Notice: notice, Path: path})
	}
}

// stats returns what was captured and stored so far.
func (p *reporter) stats() snapshot.Stats {
	c, s := p.counts.Load(), p.session.Counts()
	return snapshot.Stats{
		Files: c.Files.Load(), Dirs: c.Dirs.Load(), Others: c.Others.Load(), Bytes: c.Bytes.Load(),
		NewFiles: c.NewFiles.Load(), ChangedFiles: c.ChangedFiles.Load(), SameFiles: c.SameFiles.Load(),
		NewDirs: c.NewDirs.Load(), ChangedDirs: c.ChangedDirs.Load(), SameDirs: c.SameDirs.Load(),
		BytesRead: c.BytesRead.Load(), DataBlobs: s.DataBlobs, TreeBlobs: s.TreeBlobs,
		DataAdded: s.DataAdded, TreeAdded: s.TreeAdded,
		DataStored: s.DataStored, TreeStored: s.TreeStored, IndexStored: s.IndexStored,
		Verified: s.Verified, Healed: s.Healed,
	}
}
