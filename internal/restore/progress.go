package restore

import (
	"sync"
	"time"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/snapshot"
)

// Progress is how far a restore has come, and at most one event.
type Progress struct {
	outcome.Progress // in bytes of the snapshot; Total is that of Whole
	Report           Report
	Whole            snapshot.Stats // of the snapshot if all of it is restored
	Finished         bool           // this is the last call

	Problem   error              // why Path could not be restored
	Elsewhere *snapshot.Manifest // the newest other snapshot with an intact file at Path
	Notice    error              // a remark on Path that is no problem
	Action    string             // what is done to Path
	Entry     *snapshot.Entry    // of the action
	Leftover  string             // what is at Path, moved aside by an interrupted restore
	Spared    string             // why Path is not deleted
	Mount     string             // the mount point of a spared path, if the snapshot has that
	Path      string             // relative to the restored directory
}

// phase is the only phase of a restore.
const phase = "restore"

// A reporter calls the progress function, from one goroutine at a time.
type reporter struct {
	extracted *extract.Progress
	whole     snapshot.Stats
	call      func(Progress) // nil for none
	now       func() time.Time
	begun     time.Time
	mu        sync.Mutex // held during calls
}

func newReporter(e *engine.Engine, m *snapshot.Manifest, o *Options, extracted *extract.Progress) *reporter {
	p := &reporter{extracted: extracted, call: o.Progress, now: e.Now, begun: e.Now()}
	if o.Path == "" && len(o.Include)+len(o.Exclude) == 0 {
		p.whole = m.Stats
	}
	return p
}

// start calls the function now and then, until stop is called.
func (p *reporter) start() (stop func()) {
	if p.call == nil {
		return func() {}
	}
	quit := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(outcome.Interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.send(Progress{})
			case <-quit:
				return
			}
		}
	})
	return func() {
		close(quit)
		done.Wait()
		p.send(Progress{Finished: true})
	}
}

// send completes an update and passes it on.
func (p *reporter) send(u Progress) {
	if p.call == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	u.Report, u.Whole = p.counts(), p.whole
	u.Progress = outcome.Progress{
		Phase: phase, Done: u.Report.Bytes, Total: int64(p.whole.Bytes), Unit: "bytes", Elapsed: p.now().Sub(p.begun),
	}
	p.call(u)
}

func (p *reporter) problem(path string, err error) { p.send(Progress{Path: path, Problem: err}) }

func (p *reporter) elsewhere(path string, m *snapshot.Manifest) {
	p.send(Progress{Path: path, Elsewhere: m})
}

func (p *reporter) notice(path string, err error) { p.send(Progress{Path: path, Notice: err}) }

func (p *reporter) action(a extract.Action, path string, e *snapshot.Entry) {
	p.send(Progress{Path: path, Action: a.String(), Entry: e})
}

func (p *reporter) leftover(path, text string) { p.send(Progress{Path: path, Leftover: text}) }

func (p *reporter) spared(s extract.Spared) {
	p.send(Progress{Path: s.Path, Spared: s.Reason, Mount: s.Mount})
}

// counts returns what was done so far.
func (p *reporter) counts() Report {
	c := p.extracted
	return Report{
		Files: int64(c.Files.Load()), Dirs: int64(c.Dirs.Load()), Others: int64(c.Others.Load()), Bytes: int64(c.Bytes.Load()),
		Created: int64(c.Created.Load()), Replaced: int64(c.Replaced.Load()), Touched: int64(c.Touched.Load()),
		Deleted: int64(c.Deleted.Load()), Spared: int64(c.Spared.Load()), BytesWritten: int64(c.BytesWritten.Load()),
		Packs: int64(c.Packs.Load()), PackBytes: int64(c.PackBytes.Load()), Requests: int64(c.Requests.Load()),
		Problems: int64(c.Problems.Load()), Withheld: int64(c.Withheld.Load()),
	}
}
