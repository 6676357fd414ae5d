package repo

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// PruneOptions say how space is won back. The zero value is useful.
type PruneOptions struct {
	// MaxUnused is how much may stay unused in packs of which something is needed, as
	// a fraction of what is used, so that 0 is none and math.Inf(1) no limit. Nil is 0.03.
	MaxUnused *float64
	MaxRepack int64         // bytes that may be written anew; 0 is no limit
	Budget    time.Duration // nothing more is written anew after that time; 0 is no limit
	Wait      time.Duration // how long to wait for runs that may rely on what is to be deleted
	DryRun    bool          // change nothing
	// AllowNoSnapshots permits to delete every pack of a repository without snapshots,
	// which is else ErrWouldDeleteAll: they may have been lost, or hidden by someone who
	// can write to the target.
	AllowNoSnapshots bool
	Without          []snapshot.ID // with DryRun only: as if these had been forgotten
	// DropPending are pending manifests, by the beginning of their ids, that are given up
	// on a target that doesn't only create. Their runs must have ended for sure: one that
	// goes on may publish a snapshot whose data is deleted.
	DropPending []string
	Workers     int // 0 is as many as processors

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// A PruneReport says what a prune did, or would do.
type PruneReport struct {
	Snapshots     int   `json:"snapshots"`     // that were found, all of which were read
	Packs         int   `json:"packs"`         // before
	PackBytes     int64 `json:"pack_bytes"`    // of these
	Removed       int   `json:"packs_removed"` // packs
	RemovedBytes  int64 `json:"bytes_removed"`
	Repacked      int   `json:"packs_repacked"` // of the removed packs, something was needed
	RepackedBytes int64 `json:"bytes_repacked"` // that were written to new packs
	UnusedBytes   int64 `json:"bytes_unused"`   // that stay in packs of which something is needed
	// What is in quarantine until the runs in Waiting have ended.
	WaitingPacks int          `json:"packs_waiting"`
	WaitingBytes int64        `json:"bytes_waiting"`
	Waiting      []WaitingRun `json:"waiting_for"`
	// Packs of which nothing is needed, and that the target keeps locked: the next Prune
	// after these times deletes them. What was removed otherwise doesn't count them.
	LockedPacks int       `json:"packs_locked"`
	LockedBytes int64     `json:"bytes_locked"`
	LockedFirst time.Time `json:"-"` // when the first of their locks ends
	LockedLast  time.Time `json:"-"` // when the last of their locks ends
	// Stale are pending manifests of runs that are dead, which are kept, with all they
	// reach, because the target doesn't only create: see PruneOptions.DropPending.
	Stale []*snapshot.Manifest `json:"-"`
	// Cost is about what deleting and writing anew would take, of a dry run.
	Cost Cost `json:"-"`
	// Left are packs that can't be read and are left alone: Prune's error says so, too.
	Left []error `json:"-"`
}

// A WaitingRun is a run that may rely on packs which are to be deleted.
type WaitingRun struct {
	What     string    `json:"what"` // "snapshot", "restore" and so on
	Hostname string    `json:"hostname"`
	Username string    `json:"username"`
	Begun    time.Time `json:"begun"`
	DeadBy   time.Time `json:"dead_by"` // when it counts as dead if it gives no sign of life until then
}

// ErrUnreadable means that nothing was deleted, because what is needed can't be
// told: a manifest or tree can't be read.
var ErrUnreadable = errors.New("nothing was deleted: not everything that tells what is needed can be read")

// ErrWouldDeleteAll means that nothing was deleted, because there is no snapshot, so
// that every pack would go.
var ErrWouldDeleteAll = errors.New("nothing was deleted: there are no snapshots, so that all data would be")

// With it a repository takes at most 5 % more than a fresh one with the same snapshots:
// some of that is because others stand together in its segments than in those of a
// fresh one.
const defaultMaxUnused = 0.03

func runPrune(ctx context.Context, e *engine.Engine, o PruneOptions) (*PruneReport, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.MaxUnused == nil {
		o.MaxUnused = new(defaultMaxUnused)
	}
	if !(*o.MaxUnused >= 0) {
		return nil, fmt.Errorf("prune: at most %v of what is used may stay unused: it must be 0 or more", *o.MaxUnused)
	}
	if len(o.Without) > 0 && !o.DryRun {
		return nil, errors.New("prune without snapshots that are not forgotten: only as a dry run")
	}
	for try := 1; ; try++ {
		report, err := pruneOnce(ctx, e, o)
		if try == pruneTries || !errors.Is(err, errVanished) {
			return report, err
		}
	}
}

// pruneTries is how often a prune begins again because a snapshot vanished while it
// was read: what was marked of it so far is no half of anything.
const pruneTries = 5

// errVanished says that a snapshot was forgotten, and its data deleted, by others.
var errVanished = errors.New("it was forgotten meanwhile")

func pruneOnce(ctx context.Context, e *engine.Engine, o PruneOptions) (*PruneReport, error) {
	fresh, err := engine.Fresh(e)
	if err != nil {
		return nil, err
	}
	defer engine.Close(fresh)
	p := newPruner(fresh, o)
	var within context.Context
	if p.s, within, err = write.Begin(ctx, fresh, runs.Pruning, runs.Record{What: "prune"}, pack.Auto, o.Workers); err != nil {
		return nil, unreadableKey(err)
	}
	defer p.s.Close()
	if err := p.s.Cause(p.run(within)); err != nil {
		return nil, unreadableKey(err)
	}
	return &p.report, outcome.Damage("prune has left alone what can't be read", p.report.Left)
}

// newPruner returns a pruner for a repository with an index of its own.
func newPruner(fresh *engine.Engine, o PruneOptions) *pruner {
	p := &pruner{
		e: fresh, o: o, start: fresh.Now(), judge: fresh.Runs.Liveness(), numbers: map[pack.ID]int{},
		locks: fresh.Store.Locks(fresh.Now), deltas: map[index.ID][]pack.ID{}, oldKey: map[index.ID]bool{},
		missing: map[pack.ID]bool{}, walked: map[snapshot.ID]bool{},
	}
	p.needs = func(item index.Item) bool { return p.live.Mark(item.ID, item.Pack.IsTree()) != nil }
	return p
}

// A pruner is one run of Prune.
type pruner struct {
	e      *engine.Engine // with an index of its own
	s      *write.Session
	o      PruneOptions
	start  time.Time
	judge  *runs.Liveness
	locks  *object.Locks
	report PruneReport

	packs   []packState
	numbers map[pack.ID]int // of packs
	deltas  map[index.ID][]pack.ID
	oldKey  map[index.ID]bool  // deltas that are sealed with an older key
	bad     []index.ID         // deltas that can't be read
	missing map[pack.ID]bool   // packs that are listed and aren't there, though they are needed
	banned  runs.QuarantineSet // when the packs were collected
	live    prune.Live
	newest  uint32                // how many blobs of live the newest snapshot of a group reaches; they come first
	walked  map[snapshot.ID]bool  // manifests all of whose blobs are in live
	needs   func(index.Item) bool // what may not go with its pack
	hasty   bool                  // nobody is waited for
}

// A packState is a pack that is there.
type packState struct {
	info   *pack.Info // without blobs
	listed bool
	plain  int64 // of all blobs
	used   int64 // of those that are kept here
	failed bool  // something of it can't be moved

	until time.Time // that it is locked, or zero
	asked bool      // for until
}

func (p *pruner) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.collect, p.bury, p.markAll, p.account} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	plan, err := p.choose(ctx)
	if err != nil {
		return err
	}
	defer func() { p.locks.Save() }()
	if p.report.Snapshots == 0 && len(plan.Drop)+len(plan.Repack) > 0 && !p.o.AllowNoSnapshots {
		return fmt.Errorf("%w: %d packs", ErrWouldDeleteAll, len(plan.Drop)+len(plan.Repack))
	}
	for _, i := range plan.Locked {
		p.hold(p.packs[i].info, p.packs[i].until)
	}
	p.report.UnusedBytes = plan.Unused
	if p.o.DryRun {
		p.foresee(plan)
		return nil
	}
	if err := p.delete(ctx, plan.Drop); err != nil {
		return err
	}
	for batch := range batches(plan.Repack, p.packs) {
		if p.o.Budget > 0 && p.e.Now().Sub(p.start) > p.o.Budget {
			break
		}
		moved, err := p.move(ctx, batch)
		if err != nil {
			return err
		}
		if err := p.delete(ctx, moved); err != nil {
			return err
		}
	}
	if err := p.gatherDeltas(ctx); err != nil {
		return err
	}
	return p.tidy(ctx)
}

// foresee reports what the plan would do.
func (p *pruner) foresee(plan prune.Plan) {
	for _, i := range plan.Drop {
		p.report.Removed++
		p.report.RemovedBytes += p.packs[i].info.Size
	}
	for _, i := range plan.Repack {
		p.report.Removed++
		p.report.Repacked++
		p.report.RemovedBytes += p.packs[i].info.Size
		p.report.RepackedBytes += p.packs[i].usedSize()
	}
	p.report.Cost = p.cost(plan)
}

// cost returns about what a plan takes: a pack is put in quarantine, deleted and taken
// out; what is written anew is read by segments; and of the deltas that list any of
// it others are made.
func (p *pruner) cost(plan prune.Plan) (c Cost) {
	going := map[pack.ID]bool{}
	for _, i := range slices.Concat(plan.Drop, plan.Repack) {
		going[p.packs[i].info.ID] = true
	}
	deltas := 0
	for _, packs := range p.deltas {
		if slices.ContainsFunc(packs, func(id pack.ID) bool { return going[id] }) {
			deltas++
		}
	}
	moved := p.report.RepackedBytes
	read, written := moved/int64(p.e.Config.SegmentSize)+int64(len(plan.Repack)), moved/int64(p.e.Config.PackSize)
	if moved > 0 {
		written++
	}
	c.Requests = 3*int64(len(going)) + 2*int64(deltas) + read + written
	c.BytesUp, c.BytesDown = moved+int64(len(going))*quarantineSize, moved
	return c
}

// quarantineSize is about how many bytes a quarantine object has.
const quarantineSize = 160

// usedSize returns about how many bytes of the pack are needed.
func (s *packState) usedSize() int64 {
	if s.plain == 0 {
		return 0
	}
	return int64(float64(s.info.Size) * (float64(s.used) / float64(s.plain)))
}

// fates returns what the plan is made from.
func (p *pruner) fates() []prune.Pack {
	out := make([]prune.Pack, len(p.packs))
	for i := range p.packs {
		s := &p.packs[i]
		out[i] = prune.Pack{
			ID: s.info.ID, Tree: s.info.IsTree(), Size: s.info.Size, Used: s.usedSize(),
			Leave: p.judge.Protects(s.info.Header.Run()), Banned: p.banned.Has(s.info.ID),
			OldKey: s.info.Header.Epoch() < p.e.Ring.Epoch(), Locked: !s.until.IsZero(),
		}
		if s.used > 0 {
			out[i].Used = max(1, out[i].Used)
		}
	}
	return out
}

func (p *pruner) progress(phase Phase, done, total int) {
	if p.o.Progress != nil {
		p.o.Progress(Progress{phase, int64(done), int64(total), Objects, p.e.Now().Sub(p.start)})
	}
}

// unreadableKey returns an error as one that keeps everything from being deleted, if
// it means that a key is missing.
func unreadableKey(err error) error {
	if errors.Is(err, ErrNewerKey) && !errors.Is(err, ErrUnreadable) {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return err
}

// unreadable wraps an error that keeps everything from being deleted.
func unreadable(name string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnreadable, name, err)
}
