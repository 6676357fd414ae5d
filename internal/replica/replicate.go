package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// Options say how a replica is brought up to date.
type Options struct {
	KeepDeleted       bool // delete nothing from the replica
	DeleteUnexplained bool // also delete snapshots that no record explains
	Progress          func(outcome.Progress)
}

// KeylessOptions say how a replica is brought up to date without a key.
type KeylessOptions struct {
	Now      func() time.Time
	Rand     io.Reader // for what makes a target a replica, and the marker's name
	Progress func(outcome.Progress)
}

// The phases of a replication.
const (
	PhaseKeys      = "keys"
	PhasePacks     = "packs"
	PhaseIndex     = "index"
	PhaseLosses    = "losses"
	PhaseForgotten = "forgotten"
	PhaseMarks     = "marks"
	PhaseRemoving  = "removing"
)

// A Report says what a replication did.
type Report struct {
	Snapshots, Packs, Objects                      int64 // copied; Objects counts the others, too
	Bytes                                          int64 // of the objects
	RemovedSnapshots, RemovedPacks, RemovedObjects int64
	RemovedBytes                                   int64

	Damaged     []error       // objects of the repository that could not be copied
	Unexplained []snapshot.ID // on the replica only, and no record says that they were forgotten
	Kept        error         // why no packs and deltas were deleted, or nil
}

// Replicate makes a target a replica of a repository, or brings it up to date. It copies
// what the replica lacks, and then deletes from it what the repository no longer has.
func Replicate(ctx context.Context, e *engine.Engine, to target.Target, o Options) (Report, error) {
	if err := e.Keys.Current(ctx); err != nil {
		return Report{}, err
	}
	r := newReplication(e, object.On(to, object.Options{}), o)
	err := r.run(ctx, func(ctx context.Context) error {
		if err := r.copy(ctx); err != nil || o.KeepDeleted {
			return err
		}
		return deleteGone(ctx, e, r, o.DeleteUnexplained)
	})
	return r.report, err
}

// ReplicateKeyless does what can be done without a key: it copies, and deletes nothing.
func ReplicateKeyless(ctx context.Context, from, to target.Target, o KeylessOptions) (Report, error) {
	r := &replication{
		from: object.On(from, object.Options{}), to: object.On(to, object.Options{}),
		now: o.Now, rand: o.Rand, progress: o.Progress,
	}
	err := r.run(ctx, r.copy)
	return r.report, err
}

// newReplication returns a replication that copies snapshots in their order.
func newReplication(e *engine.Engine, to *object.Store, o Options) *replication {
	return &replication{
		from: e.Store, to: to, now: e.Now, rand: e.Rand, progress: o.Progress,
		sort: func(ctx context.Context, names []string) error { return sortByAge(ctx, e, names) },
	}
}

// run does something to the replica while a marker shows that. If nothing is there yet, the
// target becomes a replica first.
func (r *replication) run(ctx context.Context, do func(context.Context) error) error {
	r.begin()
	if err := r.ensureReplica(ctx); err != nil {
		return err
	}
	m, err := putMarker(ctx, r.to, r.rand)
	if err != nil {
		return err
	}
	// The replica is listed before the repository. No name is used twice, so an object that
	// is listed here and not there was once in the repository.
	if r.have, err = listAll(ctx, r.to); err == nil {
		err = do(ctx)
	}
	return object.Join(err, m.remove(ctx))
}

// ensureReplica makes an empty target a replica. A target that holds something other than a
// replica of this repository is an error.
func (r *replication) ensureReplica(ctx context.Context) error {
	here, there, err := r.configs(ctx)
	if err != nil {
		return err
	}
	if len(there) == 0 {
		return r.makeReplica(ctx)
	}
	if !haveCommon(here, there) {
		return fmt.Errorf("another repository is here already: %w", fs.ErrExist)
	}
	sibling, err := config.ReadSibling(ctx, r.to, object.ReplicaName)
	if err == nil && sibling == "" {
		err = fmt.Errorf("this repository is here already, and is no replica, or was promoted: %w", fs.ErrExist)
	}
	return err
}

// makeReplica makes a target without a config a replica, unless it is one already.
func (r *replication) makeReplica(ctx context.Context) error {
	if _, err := r.to.Stat(ctx, object.ConfigName); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("something else is here already: %w", fs.ErrExist), err)
	}
	sibling, err := config.ReadSibling(ctx, r.to, object.ReplicaName)
	if err != nil || sibling != "" {
		return err
	}
	if err := config.Vacant(ctx, r.to, config.Below()); err != nil {
		return err
	}
	return config.PutSibling(ctx, r.to, object.ReplicaName, r.rand)
}

// configs returns the copies of the config in the repository and on the replica, which may
// have none.
func (r *replication) configs(ctx context.Context) (here, there map[string][]byte, err error) {
	if here, err = config.Read(ctx, r.from, true); err != nil {
		return nil, nil, err
	}
	there, err = config.Read(ctx, r.to, true)
	if errors.Is(err, config.ErrNoRepository) {
		err = nil
	}
	return here, there, err
}

// haveCommon reports whether two repositories have a copy of a config in common.
func haveCommon(a, b map[string][]byte) bool {
	for _, body := range a {
		if config.Has(b, body) {
			return true
		}
	}
	return false
}
