package prune

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrUnreadable means that nothing was deleted, because a manifest or tree can't be read,
// so that it isn't known what is needed.
var ErrUnreadable = errors.New("nothing was deleted: not everything that tells what is needed can be read")

// ErrWouldDeleteAll means that nothing was deleted, because there is no snapshot, so that
// every pack would be deleted.
var ErrWouldDeleteAll = errors.New("nothing was deleted: there are no snapshots, so that all data would be")

// errVanished means that another process has forgotten a snapshot and deleted its data.
var errVanished = errors.New("it was forgotten meanwhile")

// defaultMaxUnused lets a repository take at most 5 % more than a fresh one with the same
// snapshots. Some of that is because its segments hold other neighbours than those of a
// fresh one.
const defaultMaxUnused = 0.03

// maxTries is how often a prune begins again because a snapshot vanished while it was read:
// the marks of a snapshot that was half read must not be used.
const maxTries = 5

// Run deletes the packs that no snapshot needs. The report holds what was done even if there
// is an error.
func Run(ctx context.Context, e *engine.Engine, o Options) (Report, error) {
	if err := o.complete(); err != nil {
		return Report{}, err
	}
	for try := 1; ; try++ {
		report, err := runOnce(ctx, e, o)
		if try == maxTries || !errors.Is(err, errVanished) {
			return report, err
		}
	}
}

func runOnce(ctx context.Context, e *engine.Engine, o Options) (Report, error) {
	fresh, err := engine.Fresh(e)
	if err != nil {
		return Report{}, err
	}
	defer engine.Close(fresh)
	s, within, err := write.Begin(ctx, fresh, runs.Pruning, runs.Record{What: "prune"}, pack.Auto, o.Workers)
	if err != nil {
		return Report{}, missingKey(err)
	}
	defer s.Close()
	p := newPruner(fresh, s, o)
	if err := s.Cause(p.run(within)); err != nil {
		return p.report, missingKey(err)
	}
	return p.report, outcome.Damage("prune has left alone what can't be read", p.report.Left)
}

// A pruner is one call of Run or Remove.
type pruner struct {
	e        *engine.Engine // with an index of its own
	s        *write.Session
	o        Options
	start    time.Time
	liveness *runs.Liveness
	locks    *object.Locks
	report   Report

	packs      []packState
	numbers    map[pack.ID]int // of packs
	deltas     map[index.ID][]pack.ID
	oldKey     map[index.ID]bool  // deltas that are sealed with an older key
	badDeltas  []index.ID         // deltas that can't be read
	missing    map[pack.ID]bool   // packs that are needed and listed, but not there
	quarantine runs.QuarantineSet // as it was last listed
	live       live
	newest     uint32               // how many blobs of live, from its first, the newest snapshots of all groups reach
	walked     map[snapshot.ID]bool // manifests all of whose blobs are in live

	mustKeep func(index.Item) bool // whether a blob may not be deleted with its pack
	noWait   bool                  // wait for no run
	isMarked bool                  // mustKeep needs no marks of snapshots that were published since
	damaged  map[pack.ID]bool      // packs that keep a blob only if no other pack can
}

// A packState is what is known of a pack that is there.
type packState struct {
	info   *pack.Info // without blobs
	listed bool
	plain  int64 // bytes of all its blobs
	used   int64 // bytes of the live blobs that are kept in this pack
	failed bool  // some of it can't be repacked

	until time.Time // when its lock ends, or zero
	asked bool      // the target was asked for until
}

// newPruner returns a pruner for a repository with an index of its own, and a session on it.
func newPruner(fresh *engine.Engine, s *write.Session, o Options) *pruner {
	p := &pruner{
		e: fresh, s: s, o: o, start: fresh.Now(), liveness: fresh.Runs.Liveness(), numbers: map[pack.ID]int{},
		locks: fresh.Store.Locks(fresh.Now), deltas: map[index.ID][]pack.ID{}, oldKey: map[index.ID]bool{},
		missing: map[pack.ID]bool{}, walked: map[snapshot.ID]bool{},
	}
	p.mustKeep = func(item index.Item) bool { return p.live.lookup(item.ID, item.Pack.IsTree()) != nil }
	return p
}

func (p *pruner) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.collect, p.abandonPending, p.markAll, p.account} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	plan, err := p.choose(ctx)
	if err != nil {
		return err
	}
	defer func() { p.locks.Save() }()
	if doomed := len(plan.drop) + len(plan.repack); p.report.Snapshots == 0 && doomed > 0 && !p.o.AllowNoSnapshots {
		return fmt.Errorf("%w: %d packs", ErrWouldDeleteAll, doomed)
	}
	for _, n := range plan.locked {
		p.noteLocked(p.packs[n].info, p.packs[n].until)
	}
	p.report.UnusedBytes = plan.unused
	if p.o.DryRun {
		p.forecast(plan)
		return nil
	}
	if err := p.delete(ctx, plan.drop); err != nil {
		return err
	}
	if err := p.repackAll(ctx, plan.repack); err != nil {
		return err
	}
	if err := p.mergeDeltas(ctx); err != nil {
		return err
	}
	return p.tidy(ctx)
}

// repackAll repacks packs, by their numbers, and deletes them, one batch after another.
func (p *pruner) repackAll(ctx context.Context, numbers []int) error {
	for batch := range batches(numbers, p.packs) {
		if p.o.Budget != nil && p.e.Now().Sub(p.start) >= *p.o.Budget {
			return nil
		}
		repacked, err := p.repack(ctx, batch)
		if err != nil {
			return err
		}
		if err := p.delete(ctx, repacked); err != nil {
			return err
		}
	}
	return nil
}

func (p *pruner) progress(phase string, done, total int) {
	if p.o.Progress != nil {
		p.o.Progress(outcome.Progress{Phase: phase, Done: int64(done), Total: int64(total), Unit: "objects", Elapsed: p.e.Now().Sub(p.start)})
	}
}

// missingKey returns an error as ErrUnreadable if it means that a key is missing.
func missingKey(err error) error {
	if errors.Is(err, seal.ErrNoKey) && !errors.Is(err, ErrUnreadable) {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return err
}

// unreadable returns an ErrUnreadable that names an object.
func unreadable(name string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnreadable, name, err)
}

// complete fills in defaults, and checks the options.
func (o *Options) complete() error {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.MaxUnused == nil {
		o.MaxUnused = new(defaultMaxUnused)
	}
	if !(*o.MaxUnused >= 0) {
		return fmt.Errorf("prune: at most %v of what is used may stay unused: it must be 0 or more", *o.MaxUnused)
	}
	if len(o.Without) > 0 && !o.DryRun {
		return errors.New("prune without snapshots that are not forgotten: only as a dry run")
	}
	return nil
}
