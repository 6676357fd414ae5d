package runs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// A run replaces its lease every Heartbeat. If the lease stays the same for DeadAfter, the run
// counts as dead.
const (
	Heartbeat = 2 * time.Minute
	DeadAfter = 5 * Heartbeat
)

// ReleaseTimeout bounds the time that a run takes to remove its lease when it ends.
const ReleaseTimeout = 500 * time.Millisecond

// A Lease is the lease of a run of this process. It is safe for concurrent use.
type Lease struct {
	runs *Runs
	run  seal.Run
	kind Kind

	mu     sync.Mutex
	record Record
	tried  uint64 // the number of the last version that Renew tried to store
	stored uint64 // the number of the last version that is certainly stored
	stop   context.CancelFunc
	done   chan struct{}
}

// Begin stores the first version of a run's lease. Keep renews the lease.
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

// Keep calls beat at every Heartbeat, until Release or the end of the context. The function
// has to renew the lease; if it is nil, Keep calls l.Beat. Keep is called once.
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

// Beat renews the lease. A failure costs other runs nothing, and this run uploads at most.
func (l *Lease) Beat(ctx context.Context) {
	if err := l.Renew(ctx); err != nil && ctx.Err() == nil && l.runs.o.Warn != nil {
		l.runs.o.Warn(fmt.Errorf("renew the lease of this run: %w", err))
	}
}

// Renew stores the lease's next version and removes the one before.
func (l *Lease) Renew(ctx context.Context) error {
	l.mu.Lock()
	l.tried++
	number := l.tried
	body, err := object.Encode(l.record)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	sealed, err := l.runs.sealer.SealIn(l.run, seal.Lease, body)
	if err != nil {
		return err
	}
	if err := l.runs.store.Put(ctx, nameOfLease(l.kind, l.run, number), sealed); err != nil {
		return err
	}
	l.mu.Lock()
	older := l.stored
	l.stored = number
	l.mu.Unlock()
	l.remove(ctx, older, number-1)
	return nil
}

// remove removes the lease's versions of those numbers. Some may never have been stored. A
// prune removes versions that are left.
func (l *Lease) remove(ctx context.Context, first, last uint64) {
	for number := max(first, 1); number <= last; number++ {
		_ = l.runs.store.Delete(ctx, nameOfLease(l.kind, l.run, number))
	}
}

// SetTrees sets the checkpoint that the next Renew stores (see Record).
func (l *Lease) SetTrees(trees [][2][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record.Trees = trees
}

// ProtectRuns has the lease protect the packs and manifests of other runs, too, and renews it.
func (l *Lease) ProtectRuns(ctx context.Context, runs map[seal.Run]bool) error {
	l.mu.Lock()
	l.record.Runs = nil
	for run := range runs {
		l.record.Runs = append(l.record.Runs, run[:])
	}
	l.mu.Unlock()
	return l.Renew(ctx)
}

// Release removes the lease. Nothing may renew it then. Release is safe on nil.
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
	l.mu.Lock()
	first, last := l.stored, l.tried
	l.mu.Unlock()
	l.remove(ctx, first, last)
}

// lateLease is how long a run that only reads goes on without a lease.
const lateLease = 30 * time.Second

// BeginLate stores a lease for a run that only reads, if the run takes longer than lateLease
// and the target can be written. The caller calls end at the end of the run.
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
			return // the run goes on without a lease
		}
		if l, err := r.Begin(ctx, run, Reading, Record{What: what}); err == nil {
			l.Keep(ctx, nil)
			<-ctx.Done()
			l.Release(ctx)
		}
	}()
	return func() { cancel(); <-done }
}
