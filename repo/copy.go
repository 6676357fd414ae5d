package repo

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/snapshot"
)

// CopyOptions say how snapshots are copied. The zero value is useful.
type CopyOptions struct {
	Compression Compression // of what isn't moved as it is
	Workers     int         // 0 is as many as processors

	// Progress is called now and then, and once for each snapshot that was or could not
	// be copied, by one goroutine at a time.
	Progress func(CopyProgress)
}

// CopyProgress is how far copying has come.
type CopyProgress struct {
	Report  CopyReport // so far
	Total   int        // snapshots that are to be copied
	Elapsed time.Duration
	Done    bool

	Current *snapshot.Manifest // the one being copied, or nil
	Copy    *snapshot.Manifest // what it is in the other repository, once it is there
	Problem error              // why it could not be copied
}

// A CopyReport counts what was copied.
type CopyReport struct {
	Copied      int    `json:"snapshots_copied"`
	Skipped     int    `json:"snapshots_skipped"` // those that were there already
	Failed      int    `json:"snapshots_failed"`
	BytesRead   uint64 `json:"bytes_read"`  // of packs that were moved, and of chunks and trees
	PacksMoved  uint64 `json:"packs_moved"` // just as they are
	BytesMoved  uint64 `json:"bytes_moved"`
	Blobs       uint64 `json:"blobs_repacked"`      // chunks and trees that were packed again
	BlobBytes   uint64 `json:"blob_bytes_repacked"` // of these, before compression
	BytesStored uint64 `json:"bytes_stored"`        // what all took, moved or not
}

// ErrNotCopied means that a snapshot could not be copied because something of it is
// lost; the others were.
var ErrNotCopied = errors.New("not copied")

func copySnapshots(ctx context.Context, e *engine.Engine, to *engine.Engine, snapshots []*snapshot.Manifest, o CopyOptions) (CopyReport, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	c := newCopier(e, to, o)
	var err error
	var within context.Context
	if c.s, within, err = write.Begin(ctx, to, runs.Writing, runs.Record{What: "copy"}, o.Compression, o.Workers); err != nil {
		return CopyReport{}, err
	}
	defer c.s.Close()
	defer e.Runs.BeginLate(ctx, "copy")()
	c.openLanes()
	err = c.s.Cause(c.run(within, snapshots))
	c.tell(CopyProgress{Done: true})
	return c.sum(), err
}

// A copier is one call of Copy.
type copier struct {
	from, to *engine.Engine
	o        CopyOptions
	start    time.Time
	s        *write.Session // of the destination
	fetcher  fetcher
	lanes    chan capture.ChunkWriter

	have   map[snapshot.ID]*snapshot.Manifest // in the destination, by their ids in the source
	newest map[string]*snapshot.Manifest      // in the destination, of each source of snapshots
	lines  map[string]version                 // the newest that both have
	bases  []snapshot.ID                      // in the destination, that are relied on
	runs   runSet                             // that the lease answers for

	mu      sync.Mutex // of what follows; telling is held during calls of Progress
	telling sync.Mutex
	report  CopyReport
	total   int
	current *snapshot.Manifest
	told    time.Time
}

// A version is a snapshot in both repositories.
type version struct{ from, to *snapshot.Manifest }

// A fetcher has stored what snapshots reach.
type fetcher interface {
	// fetch stores all that a snapshot reaches, but for what an older version of it
	// reaches, which may be nil. It returns the ids of the snapshot's trees there.
	fetch(ctx context.Context, m *snapshot.Manifest, base *version) (treeIDs, error)
	// forget makes it look anew at what is there.
	forget()
}

// treeIDs are those of a snapshot's root and of its notes.
type treeIDs struct{ root, notes chunk.ID }

func treesOf(m *snapshot.Manifest) treeIDs { return treeIDs{m.Root.Subtree, m.Notes} }

func newCopier(from, to *engine.Engine, o CopyOptions) *copier {
	return &copier{
		from: from, to: to, o: o, start: from.Now(), runs: runSet{},
		have: map[snapshot.ID]*snapshot.Manifest{}, newest: map[string]*snapshot.Manifest{}, lines: map[string]version{},
	}
}

func (c *copier) run(ctx context.Context, snapshots []*snapshot.Manifest) error {
	twins, err := c.compare(ctx)
	if err != nil {
		return err
	}
	if err := c.look(ctx); err != nil {
		return err
	}
	todo := c.pick(snapshots)
	if len(todo) == 0 {
		return nil
	}
	if c.fetcher = newTranslator(c); twins {
		c.fetcher = newMover(c)
	}
	if err := c.takeUp(ctx); err != nil {
		return err
	}
	var failed []error
	for _, m := range todo {
		c.begin(m)
		made, err := c.one(ctx, m)
		switch {
		case err == nil:
			c.end(func(r *CopyReport) { r.Copied++ }, CopyProgress{Copy: made})
		case errors.Is(err, errForgotten):
			c.end(func(r *CopyReport) { r.Skipped++ }, CopyProgress{})
		case errors.Is(err, ErrNotCopied):
			failed = append(failed, err)
			c.end(func(r *CopyReport) { r.Failed++ }, CopyProgress{Problem: err})
		default:
			return errors.Join(append([]error{err}, failed...)...)
		}
	}
	c.s.RetirePredecessors(ctx)
	return errors.Join(failed...)
}

func (c *copier) begin(m *snapshot.Manifest) {
	c.mu.Lock()
	c.current = m
	c.mu.Unlock()
	c.now(nil)
}

func (c *copier) end(count func(*CopyReport), p CopyProgress) {
	c.mu.Lock()
	count(&c.report)
	c.mu.Unlock()
	c.tell(p)
}

// now counts something, and tells of it if it is time.
func (c *copier) now(count func(*CopyReport)) {
	c.mu.Lock()
	if count != nil {
		count(&c.report)
	}
	due := c.from.Now().Sub(c.told) >= outcome.Interval
	c.mu.Unlock()
	if due {
		c.tell(CopyProgress{})
	}
}

func (c *copier) tell(p CopyProgress) {
	if c.o.Progress == nil {
		return
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	p.Report = c.sum()
	c.mu.Lock()
	c.told = c.from.Now()
	p.Total, p.Current, p.Elapsed = c.total, c.current, c.told.Sub(c.start)
	c.mu.Unlock()
	c.o.Progress(p)
}

// sum returns the report so far.
func (c *copier) sum() CopyReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, s := c.report, c.s.Counts()
	r.Blobs = s.DataBlobs + s.TreeBlobs
	r.BlobBytes = s.DataAdded + s.TreeAdded
	r.BytesStored = r.BytesMoved + s.DataStored + s.TreeStored + s.IndexStored
	return r
}
