package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/pack"
)

// A replication copies objects of a repository to a replica, and counts them.
type replication struct {
	from, to *object.Store
	now      func() time.Time
	rand     io.Reader
	progress func(outcome.Progress)
	// sort sorts the names of snapshots, the oldest first. Without a key it is nil.
	sort func(ctx context.Context, names []string) error

	start   time.Time
	buffers chan *pack.Buffer

	mu         sync.Mutex
	have       listing         // on the replica
	tombstones map[string]bool // names of snapshots that are tombstones in the repository
	report     Report
	total      int64 // bytes to be copied, as far as is known
}

// objectsAtOnce is how many objects are copied at the same time.
const objectsAtOnce = 3

// errVanished means that an object was deleted from the repository after it was listed.
var errVanished = errors.New("it was deleted meanwhile")

func (r *replication) begin() {
	r.start, r.tombstones = r.now(), map[string]bool{}
	r.buffers = make(chan *pack.Buffer, objectsAtOnce)
	for range objectsAtOnce {
		r.buffers <- new(pack.Buffer)
	}
}

// copyMissing copies the objects that the replica lacks. If one of them has vanished, the
// others are copied, and the error is errVanished.
func (r *replication) copyMissing(ctx context.Context, phase string, objects listing) error {
	names := r.have.missing(objects)
	r.mu.Lock()
	r.total = r.report.Bytes
	for _, name := range names {
		r.total += objects[name]
	}
	r.mu.Unlock()
	var vanished error
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(objectsAtOnce)
	for _, name := range names {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			err := r.copyOne(gctx, name)
			r.mu.Lock()
			defer r.mu.Unlock()
			if errors.Is(err, errVanished) {
				vanished, err = err, nil
			}
			r.showProgress(phase)
			return err
		})
	}
	if err := cmp.Or(g.Wait(), ctx.Err()); err != nil {
		return err
	}
	return vanished
}

// copyOne copies an object. One that is damaged in the repository is reported, and a
// tombstone is not copied.
func (r *replication) copyOne(ctx context.Context, name string) error {
	buffer := <-r.buffers
	defer func() { r.buffers <- buffer }()
	r.mu.Lock()
	replace := r.have.has(name)
	r.mu.Unlock()
	if replace && object.Marks.Has(name) {
		return nil // only a key tells which of the two is damaged: see Heal
	}
	size, err := copyObject(ctx, r.from, r.to, name, buffer, replace)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", name, errVanished)
	case errors.Is(err, errTombstone):
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tombstones[name] = true
		return nil
	case object.IsDamage(err):
		r.mu.Lock()
		defer r.mu.Unlock()
		r.report.Damaged = append(r.report.Damaged, err)
		return nil
	case err != nil:
		return fmt.Errorf("replicate %s: %w", name, err)
	}
	r.count(name, size)
	return nil
}

// count counts an object that was copied.
func (r *replication) count(name string, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Objects++
	r.report.Bytes += size
	switch kind, _ := object.KindOf(name); kind {
	case object.Packs:
		r.report.Packs++
	case object.Snapshots:
		r.report.Snapshots++
	}
	r.have[name] = size
}

// countRemoved counts an object that was deleted from the replica.
func (r *replication) countRemoved(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.RemovedObjects++
	r.report.RemovedBytes += r.have[name]
	switch kind, _ := object.KindOf(name); kind {
	case object.Packs:
		r.report.RemovedPacks++
	case object.Snapshots:
		r.report.RemovedSnapshots++
	}
	delete(r.have, name)
	r.showProgress(PhaseRemoving)
}

// showProgress reports the progress. The caller holds mu.
func (r *replication) showProgress(phase string) {
	if r.progress != nil {
		r.progress(outcome.Progress{Phase: phase, Done: r.report.Bytes, Total: r.total, Unit: "bytes", Elapsed: r.now().Sub(r.start)})
	}
}
