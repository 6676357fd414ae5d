package check

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// Options say how thoroughly a repository is checked. The zero value checks that every
// snapshot reaches only what exists, and reads everything except file data.
type Options struct {
	ReadData bool
	Part, Of int     // which of Of parts of the packs is read, from 1; zero is all
	Percent  float64 // of the packs, chosen at random; zero is all
	Workers  int     // zero is as many as processors
	Progress func(outcome.Progress)
}

// The phases of a check.
const (
	PhasePacks     = "packs"
	PhaseSnapshots = "snapshots"
)

// maxRetries bounds how often a check repeats itself, because it has found damage while
// another run moved or deleted packs.
const maxRetries = 5

// Run checks a repository. It returns damage in the report, and also as an error that matches
// outcome.ErrDamaged. Any other error comes from the target or the context; the report then
// has what was found before.
func Run(ctx context.Context, e *engine.Engine, o Options) (Report, error) {
	if o.Of < 0 || o.Part < 0 || o.Part > o.Of || (o.Part == 0) != (o.Of == 0) {
		return Report{}, errors.New("check: Part must be from 1 to Of, or both zero")
	}
	if o.Percent < 0 || o.Percent > 100 {
		return Report{}, errors.New("check: Percent must be from 0 to 100")
	}
	// A repository that can't be written to is checked without a lease.
	if run, err := e.Sealer.NewRun(); err == nil {
		if l, err := e.Runs.Begin(ctx, run, runs.Reading, runs.Record{What: "check"}); err == nil {
			l.Keep(ctx, nil)
			defer l.Release(ctx)
		}
	}
	for retries := 0; ; retries++ {
		report, moved, err := runOnce(ctx, e, o)
		if errors.Is(err, fs.ErrNotExist) && retries < maxRetries {
			continue // a prune that counted this run as dead has deleted what was being read
		}
		if err != nil {
			return report, err
		}
		damage := report.damage()
		if len(damage) == 0 || !moved || retries == maxRetries {
			return report, outcome.Damage("check has found damage", damage)
		}
	}
}

// runOnce checks everything once, and reports whether another run moved or deleted packs
// meanwhile.
func runOnce(ctx context.Context, e *engine.Engine, o Options) (report Report, moved bool, err error) {
	c, err := newChecker(e, o)
	if err != nil {
		return report, false, err
	}
	defer c.close()
	moved, err = c.run(ctx)
	return c.report, moved, err
}

// A checker is one pass over a repository.
type checker struct {
	e     *engine.Engine // with an index of its own
	o     Options
	start time.Time

	ids       []snapshot.ID // the snapshots that were listed
	packs     map[pack.ID]*packState
	only      map[pack.ID]bool // the packs to read, unless nil
	manifests []*snapshot.Manifest
	trees     map[chunk.ID]bool // directories that were walked, and whether all in them can be restored
	lost      map[chunk.ID]int  // chunks and trees that can't be read, and the finding that says why
	buffers   sync.Pool         // of *segmentBuffers

	mu       sync.Mutex // of what follows, and held during calls of Progress
	report   Report
	findings map[string]int // numbers of findings, by the objects they are about
}

// newChecker returns a checker whose index is made from the target. The caller closes it.
func newChecker(e *engine.Engine, o Options) (*checker, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	fresh, err := engine.Fresh(e)
	if err != nil {
		return nil, err
	}
	return &checker{
		e: fresh, o: o, start: e.Now(),
		packs: map[pack.ID]*packState{}, findings: map[string]int{},
		trees: map[chunk.ID]bool{}, lost: map[chunk.ID]int{},
	}, nil
}

func (c *checker) close() { _ = engine.Close(c.e) } // at worst it leaves a temporary directory

// run checks everything, and reports whether packs were moved or deleted meanwhile.
func (c *checker) run(ctx context.Context) (moved bool, err error) {
	before, err := c.deltaNames(ctx)
	if err != nil {
		return false, err
	}
	// A run stores what a snapshot reaches before its manifest, and a pack before the delta
	// that lists it. In this order nothing that is stored meanwhile looks like damage.
	if err := c.do(ctx,
		c.checkHidden, c.checkConfigs, c.checkKeys, c.checkRecords, c.listSnapshots, c.readDeltas, c.listPacks,
		c.readUnlisted, c.readPacks, c.checkSnapshots, c.findAffected,
	); err != nil || len(c.report.damage()) == 0 {
		return false, err
	}
	after, err := c.deltaNames(ctx)
	if err != nil {
		return false, err
	}
	for name := range before {
		moved = moved || !after[name]
	}
	return moved, nil
}

// do runs steps, up to the first that fails.
func (c *checker) do(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// deltaNames lists the index deltas. One goes only if packs are moved or deleted.
func (c *checker) deltaNames(ctx context.Context) (map[string]bool, error) {
	names := map[string]bool{}
	for info, err := range c.e.Store.List(ctx, object.Deltas) {
		if err != nil {
			return nil, err
		}
		names[info.Name] = true
	}
	return names, nil
}

// progress reports progress. It is safe for concurrent use.
func (c *checker) progress(phase string, done, total int64, unit string) {
	if c.o.Progress == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.o.Progress(outcome.Progress{Phase: phase, Done: done, Total: total, Unit: unit, Elapsed: c.e.Now().Sub(c.start)})
}
