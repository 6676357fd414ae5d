package transfer

import (
	"context"
	"errors"
	"runtime"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// Options say how snapshots are copied. The zero value is useful.
type Options struct {
	Compression pack.Level // of blobs that are packed again
	Workers     int        // zero is as many as processors
	Progress    func(Progress)
}

// ErrNotCopied means that a snapshot could not be copied because something of it is
// lost. The others were copied.
var ErrNotCopied = errors.New("not copied")

var (
	errSame      = errors.New("copy: both ends are the same repository: name another one")
	errForgotten = errors.New("forgotten meanwhile")
)

// Copy copies snapshots to another repository, the oldest first. It skips those that are
// there already.
func Copy(ctx context.Context, from, to *engine.Engine, snapshots []*snapshot.Manifest, o Options) (Report, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	s, within, err := write.Begin(ctx, to, runs.Writing, runs.Record{What: "copy"}, o.Compression, o.Workers)
	if err != nil {
		return Report{}, err
	}
	defer s.Close()
	defer from.Runs.BeginLate(ctx, "copy")()
	c := &copier{
		from: from, to: to, o: o, s: s,
		copies: map[snapshot.ID]*snapshot.Manifest{}, newest: map[string]*snapshot.Manifest{},
		bases: map[string]version{}, protected: map[seal.Run]bool{},
		progress: progress{now: from.Now, start: from.Now(), notify: o.Progress, sessionCounts: s.Counts},
	}
	c.openLanes()
	err = s.Cause(c.run(within, snapshots))
	c.progress.report(Progress{Finished: true})
	return c.progress.totals(), err
}

// A copier is one call of Copy.
type copier struct {
	from, to *engine.Engine
	o        Options
	s        *write.Session // of the destination
	fetcher  fetcher
	lanes    chan capture.ChunkWriter
	progress progress

	copies    map[snapshot.ID]*snapshot.Manifest // the destination's snapshots, by their ids in the origin
	newest    map[string]*snapshot.Manifest      // the destination's, of each chain
	bases     map[string]version                 // the newest of each chain that both have
	vouchers  []snapshot.ID                      // the bases that were used, by their ids in the destination
	protected map[seal.Run]bool                  // runs of the origin whose objects the lease protects
}

// A version is a snapshot that both repositories have.
type version struct{ from, to *snapshot.Manifest }

// A fetcher stores in the destination what snapshots reach.
type fetcher interface {
	// fetch stores all that a snapshot reaches, except what base reaches, an older version
	// of it, which may be nil. It returns the ids of the snapshot's trees in the destination.
	fetch(ctx context.Context, m *snapshot.Manifest, base *version) (treeIDs, error)
	// reset makes the fetcher forget what it believes to be stored.
	reset()
}

// treeIDs are those of a snapshot's root and of its notes.
type treeIDs struct{ root, notes chunk.ID }

func treesOf(m *snapshot.Manifest) treeIDs { return treeIDs{m.Root.Subtree, m.Notes} }

func (c *copier) run(ctx context.Context, snapshots []*snapshot.Manifest) error {
	twins, err := c.areTwins(ctx)
	if err != nil {
		return err
	}
	if err := c.readDestination(ctx); err != nil {
		return err
	}
	todo, skipped := c.choose(snapshots)
	c.progress.begin(len(todo), skipped)
	if len(todo) == 0 {
		return nil
	}
	if twins {
		c.fetcher = newMover(c)
	} else {
		c.fetcher = newTranslator(c)
	}
	if err := c.resume(ctx); err != nil {
		return err
	}
	var failed []error
	for _, m := range todo {
		c.progress.startSnapshot(m)
		copied, err := c.copyOne(ctx, m)
		switch {
		case err == nil:
			c.progress.endSnapshot(func(r *Report) { r.Copied++ }, Progress{Copy: copied})
		case errors.Is(err, errForgotten):
			c.progress.endSnapshot(func(r *Report) { r.Skipped++ }, Progress{})
		case errors.Is(err, ErrNotCopied):
			failed = append(failed, err)
			c.progress.endSnapshot(func(r *Report) { r.Failed++ }, Progress{Problem: err})
		default:
			return errors.Join(append([]error{err}, failed...)...)
		}
	}
	c.s.RetirePredecessors(ctx)
	return errors.Join(failed...)
}
