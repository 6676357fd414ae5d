package runs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// How often a lease is replaced, and how long it may stay the same before its run counts as
// dead.
const (
	Heartbeat = 2 * time.Minute
	DeadAfter = 5 * Heartbeat
)

// ReleaseTimeout bounds what a run that ends does for the sake of others.
const ReleaseTimeout = 500 * time.Millisecond

// A Lease is the lease of a run of this process. It is safe for concurrent use.
type Lease struct {
	runs *Runs
	run  seal.Run
	kind Kind

	mu     sync.Mutex
	record Record
	beat   uint64 // the last that was tried
	last   uint64 // the last that was surely written
	stop   context.CancelFunc
	done   chan struct{}
}

// Begin writes the first lease of a run. Keep renews it.
func (r *Runs) Begin(ctx context.Context, run seal.Run, kind Kind, record Record) (*Lease, error) {
	if record.Username = []byte(r.o.User); len(record.Hostname) == 0 {
		record.Hostname = []byte(r.o.Hostname)
	}
	record.Process, record.Begun = Process(), r.o.Now().UnixNano()
	l := &Lease{runs: r, run: run, kind: kind, record: record}
	begin := func() error { return l.Renew(ctx) }
	if kind == Pruning {
		begin = func() error { return r.store.WithReserve(ctx, func() error { return l.Renew(ctx) }) }
	}
	if err := begin(); err != nil {
		return nil, fmt.Errorf("begin %s: %w", record.What, err)
	}
	return l, nil
}

// Keep calls beat at every Heartbeat, until Release or the end of the context. Beat renews
// the lease; a nil beat does nothing else. Keep is called once.
func (l *Lease) Keep(ctx context.Context, beat func(context.Context)) {
	if beat == nil {
		beat = l.Beat
	}
	l.done = make(chan struct{})
	ctx, l.stop = context.WithCancel(ctx)
	go l.keep(ctx, beat)
}

func (l *Lease) keep(ctx context.Context, beat func(context.Context)) {
	defer close(l.done)
	tick := time.NewTicker(Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
		beat(ctx)
	}
}

// Beat renews the lease. A beat that is missed costs others nothing, and this run at most
// an upload.
func (l *Lease) Beat(ctx context.Context) {
	if err := l.Renew(ctx); err != nil && ctx.Err() == nil && l.runs.o.Warn != nil {
		l.runs.o.Warn(fmt.Errorf("the lease of this run can't be renewed: %w", err))
	}
}

// Renew writes the lease's next version and removes the one before.
func (l *Lease) Renew(ctx context.Context) error {
	l.mu.Lock()
	l.beat++
	beat := l.beat
	body, err := object.Encode(l.record)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	sealed, err := l.runs.sealer.SealIn(l.run, seal.Lease, body)
	if err != nil {
		return err
	}
	if err := l.runs.store.Put(ctx, nameOfLease(l.kind, l.run, beat), sealed); err != nil {
		return err
	}
	l.mu.Lock()
	older := l.last
	l.last = beat
	l.mu.Unlock()
	l.remove(ctx, older, beat-1)
	return nil
}

// remove removes the lease's versions of those numbers, of which some may never have
// been written. A prune removes what is left.
func (l *Lease) remove(ctx context.Context, first, last uint64) {
	for beat := max(first, 1); beat <= last; beat++ {
		_ = l.runs.store.Delete(ctx, nameOfLease(l.kind, l.run, beat))
	}
}

// SetTrees sets the directories that have been stored, for the next Renew.
func (l *Lease) SetTrees(trees [][2][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record.Trees = trees
}

// AnswerFor has the lease stand for other runs, too.
func (l *Lease) ProtectRuns(ctx context.Context, runs map[seal.Run]bool) error {
	l.mu.Lock()
	l.record.Runs = nil
	for run := range runs {
		l.record.Runs = append(l.record.Runs, run[:])
	}
	l.mu.Unlock()
	return l.Renew(ctx)
}

// Release ends the lease. It is safe on nil.
func (l *Lease) Release(ctx context.Context) {
	if l == nil {
		return
	}
	if l.stop != nil {
		l.stop()
		<-l.done
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ReleaseTimeout)
	defer cancel()
	l.remove(ctx, l.last, l.beat)
}

// lateLease is how long a run that only reads may go on without a lease.
const lateLease = 30 * time.Second

// BeginLate has a run that only reads write a lease once it takes long, where the target
// can be written. The function it returns ends that.
func (r *Runs) BeginLate(ctx context.Context, what string) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		late := time.NewTimer(lateLease)
		defer late.Stop()
		select {
		case <-late.C:
		case <-ctx.Done():
			return
		}
		run, err := r.sealer.NewRun()
		if err != nil {
			return // it goes on without
		}
		if l, err := r.Begin(ctx, run, Reading, Record{What: what}); err == nil {
			l.Keep(ctx, nil)
			<-ctx.Done()
			l.Release(ctx)
		}
	}()
	return func() { cancel(); <-done }
}
