package repo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// A run under way shows itself by a lease, an object that it replaces from time to
// time. Leases are a courtesy: whoever deletes waits for the runs that began
// before, so that they needn't store anything twice, and leaves alone the packs of
// runs that are alive. Whether one is judged rightly is never a matter of safety.
//
// A lease's name tells its kind, its run and how often it was replaced:
//
//	leases/<w or r or p>-<run, 32 digits>-<number, 8 digits>
const (
	writing leaseKind = "w"
	reading leaseKind = "r"
	pruning leaseKind = "p"
)

type leaseKind string

// How often a lease is replaced, and how long it may stay the same before its run
// counts as dead.
const (
	heartbeat = 2 * time.Minute
	deadAfter = 5 * heartbeat
)

const maxLease = 16 << 20

// lease is the body of a lease: CBOR, integer keys.
type lease struct {
	What     string   `cbor:"1,keyasint"` // "snapshot", "restore" and so on
	Hostname []byte   `cbor:"2,keyasint"` // of a snapshot's, what the snapshot says
	Username []byte   `cbor:"3,keyasint"`
	Process  []byte   `cbor:"4,keyasint,omitempty"` // see processOf
	Begun    int64    `cbor:"5,keyasint"`           // nanoseconds since 1970
	Paths    [][]byte `cbor:"6,keyasint,omitempty"` // of the source of a snapshot
	// Trees are the directories that are stored, with all in them, since the lease
	// was last replaced: pairs of paths and ids.
	Trees [][2][]byte `cbor:"7,keyasint,omitempty"`
	// Runs are those whose packs and manifests this one stores as they are.
	Runs [][]byte `cbor:"8,keyasint,omitempty"`
}

// others returns the runs that live and die with the one of the lease.
func (l *lease) others() (out []seal.Run) {
	for _, b := range l.Runs {
		if len(b) == len(seal.Run{}) {
			out = append(out, seal.Run(b))
		}
	}
	return out
}

// A runningLease is a lease as its name tells it.
type runningLease struct {
	kind leaseKind
	run  seal.Run
	beat uint64
	name string
}

func leaseName(kind leaseKind, run seal.Run, beat uint64) string {
	return fmt.Sprintf("%s%s-%x-%08d", string(object.Leases), kind, run[:], beat)
}

func parseLeaseName(name string) (l runningLease, ok bool) {
	parts := strings.Split(object.Leases.Rest(name), "-")
	if len(parts) != 3 {
		return l, false
	}
	run, err := hex.DecodeString(parts[1])
	if err != nil || len(run) != len(l.run) {
		return l, false
	}
	beat, err := strconv.ParseUint(parts[2], 10, 64)
	l = runningLease{leaseKind(parts[0]), seal.Run(run), beat, name}
	return l, err == nil && leaseName(l.kind, l.run, beat) == name
}

// leases lists the leases, the newest of each run.
func (r *Repo) leases(ctx context.Context) (map[seal.Run]runningLease, error) {
	out := map[seal.Run]runningLease{}
	for info, err := range r.store.List(ctx, object.Leases) {
		if err != nil {
			return nil, err
		}
		if l, ok := parseLeaseName(info.Name); ok && l.beat >= out[l.run].beat {
			out[l.run] = l
		}
	}
	return out, nil
}

// readLease reads what a lease says. One that is gone or damaged says nothing.
func (r *Repo) readLease(ctx context.Context, l runningLease) (*lease, error) {
	sealed, err := r.store.ReadAll(ctx, l.name, maxLease)
	if errors.Is(err, fs.ErrNotExist) || object.IsDamage(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := r.openLease(l, sealed)
	if err != nil {
		return nil, nil
	}
	return out, nil
}

// openLease opens the lease of that name.
func (r *Repo) openLease(l runningLease, sealed []byte) (*lease, error) {
	body, run, err := r.openOfRun(seal.Lease, sealed)
	if err != nil {
		return nil, err
	}
	out := new(lease)
	if err := cbor.Unmarshal(body, out); err != nil {
		return nil, err
	}
	if run != l.run {
		return nil, object.ErrHash
	}
	return out, nil
}

// A hold keeps a lease alive.
type hold struct {
	r    *Repo
	run  seal.Run
	kind leaseKind
	// trees completes the lease before it is replaced; it may be nil.
	trees func(context.Context) ([][2][]byte, error)

	mu   sync.Mutex
	body lease
	beat uint64 // the last that was tried
	last uint64 // the last that was surely written
	stop context.CancelFunc
	done chan struct{}
}

// hold writes a lease and replaces it from time to time, until release.
func (r *Repo) hold(ctx context.Context, run seal.Run, kind leaseKind, body lease, trees func(context.Context) ([][2][]byte, error)) (*hold, error) {
	host, user := r.opts.whoAmI()
	if body.Username = []byte(user); len(body.Hostname) == 0 {
		body.Hostname = []byte(host)
	}
	body.Process, body.Begun = processOf(), r.opts.Now().UnixNano()
	h := &hold{r: r, run: run, kind: kind, trees: trees, body: body, done: make(chan struct{})}
	begin := func() error { return h.replace(ctx) }
	if kind == pruning {
		begin = func() error { return r.store.WithReserve(ctx, func() error { return h.replace(ctx) }) }
	}
	if err := begin(); err != nil {
		return nil, fmt.Errorf("begin %s: %w", body.What, err)
	}
	ctx, h.stop = context.WithCancel(ctx)
	go h.keep(ctx)
	return h, nil
}

func (h *hold) keep(ctx context.Context) {
	defer close(h.done)
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
		if h.trees != nil {
			if trees, err := h.trees(ctx); err == nil {
				h.mu.Lock()
				h.body.Trees = trees
				h.mu.Unlock()
			}
		}
		_ = h.replace(ctx) // a beat that is missed costs others nothing, and this run an upload at most
	}
}

// replace writes the lease's next version and removes the one before.
func (h *hold) replace(ctx context.Context) error {
	h.mu.Lock()
	h.beat++
	beat := h.beat
	body, err := object.Encode(h.body)
	h.mu.Unlock()
	if err != nil {
		return err
	}
	sealed, err := h.r.box.SealIn(h.run, seal.Lease, body)
	if err != nil {
		return err
	}
	if err := h.r.store.Put(ctx, leaseName(h.kind, h.run, beat), sealed); err != nil {
		return err
	}
	h.mu.Lock()
	older := h.last
	h.last = beat
	h.mu.Unlock()
	h.remove(ctx, older, beat-1)
	return nil
}

// remove removes the lease's versions of those numbers, of which some may never have
// been written. What it can't remove goes with the dead.
func (h *hold) remove(ctx context.Context, first, last uint64) {
	for beat := max(first, 1); beat <= last; beat++ {
		_ = h.r.store.Delete(ctx, leaseName(h.kind, h.run, beat))
	}
}

// answerFor has the lease say that it stands for other runs, too.
func (h *hold) answerFor(ctx context.Context, runs map[seal.Run]bool) error {
	h.mu.Lock()
	h.body.Runs = nil
	for run := range runs {
		h.body.Runs = append(h.body.Runs, run[:])
	}
	h.mu.Unlock()
	return h.replace(ctx)
}

// release ends the lease. It is safe on nil.
func (h *hold) release(ctx context.Context) {
	if h == nil {
		return
	}
	h.stop()
	<-h.done
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	h.remove(ctx, h.last, h.beat)
}

// lateHold is how long a run that only reads may go on without a lease.
const lateHold = 30 * time.Second

// holdLater has a run that only reads write a lease once it takes long, where the
// target can be written. The function it returns ends that.
func (r *Repo) holdLater(ctx context.Context, what string) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		late := time.NewTimer(lateHold)
		defer late.Stop()
		select {
		case <-late.C:
		case <-ctx.Done():
			return
		}
		run, err := r.box.NewRun()
		if err != nil {
			return // it goes on without
		}
		if h, err := r.hold(ctx, run, reading, lease{What: what}, nil); err == nil {
			<-ctx.Done()
			h.release(ctx)
		}
	}()
	return func() { cancel(); <-done }
}

// releaseTimeout bounds what a run that ends does for the sake of others.
const releaseTimeout = 500 * time.Millisecond
