package repo

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// ReplicateOptions say how a replica is brought up to date. The zero value is useful.
type ReplicateOptions struct {
	// KeepDeleted leaves on the replica what the repository no longer has.
	KeepDeleted bool
	// DeleteUnexplained deletes from the replica also those snapshots that are gone from
	// the repository without a record that they were forgotten. If they look lost, the
	// error is ErrLookLost, and nothing is deleted.
	DeleteUnexplained bool

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// KeylessOptions say how a replica is brought up to date without a key. The zero value is
// useful.
type KeylessOptions struct {
	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
	// Now tells the time. Nil is time.Now.
	Now func() time.Time
	// Rand makes the names of markers and what tells replicas apart. Nil is crypto/rand.
	Rand io.Reader
	// Pace, if not nil, slows the replication down.
	Pace Pacer
}

// The phases of a replication. Their unit is UnitBytes.
const (
	PhaseReplicateKeys      Phase = replica.PhaseKeys      // copying key slots and epochs
	PhaseReplicatePacks     Phase = replica.PhasePacks     // copying packs
	PhaseReplicateIndex     Phase = replica.PhaseIndex     // copying index deltas
	PhaseReplicateLosses    Phase = replica.PhaseLosses    // copying lists of lost chunks and trees
	PhaseReplicateForgotten Phase = replica.PhaseForgotten // copying records of what was forgotten
	PhaseReplicateMarks     Phase = replica.PhaseMarks     // copying tags and pins
	PhaseReplicateRemove    Phase = replica.PhaseRemoving  // removing what the repository no longer has
)

// A ReplicateReport says what a replication did.
type ReplicateReport struct {
	Snapshots        int64 `json:"snapshots"` // that were copied
	Packs            int64 `json:"packs"`     // the same
	Objects          int64 `json:"objects"`   // all that were copied, with these
	Bytes            int64 `json:"bytes"`     // of all objects
	RemovedSnapshots int64 `json:"snapshots_removed"`
	RemovedPacks     int64 `json:"packs_removed"`
	RemovedObjects   int64 `json:"objects_removed"` // all, with these
	RemovedBytes     int64 `json:"bytes_removed"`
	// Damaged names objects of the repository that could not be copied, because their bytes
	// don't match their names or can't be read.
	Damaged []error `json:"-"`
	// Unexplained are snapshots that only the replica has, and no record says that they
	// were forgotten, so the repository may have lost them. The replica keeps them, with
	// all they need.
	Unexplained []snapshot.ID `json:"unexplained"`
	// Kept says why no packs and index deltas were removed, if something that tells which
	// of them are needed can't be read. Otherwise it is nil.
	Kept error `json:"-"`
}

// Replicate makes a target a replica of the repository, or brings it up to date: it copies
// the objects that the replica lacks, and then removes those that the repository no longer
// has.
//
// At any moment what is on the replica is a repository by itself, whose snapshots are as
// whole as here: it can be opened, checked and restored from, and it can be promoted to take
// the place of a lost one. The next call completes what was interrupted. Others may change
// the repository meanwhile. Every object is checked against its name as it is copied.
//
// An object that is gone here may have been lost, so not every such object is removed. A
// snapshot is removed if a record says that it was forgotten. Prune deletes these records, so
// snapshots that are forgotten and pruned between two replications stay on the replica, and
// are reported as Unexplained. A pack is removed if the snapshots on the replica reach
// nothing that is in it alone. Key slots are removed if the replica keeps others.
//
// The errors are fs.ErrExist if the target holds a repository that isn't a replica of this
// one, and ErrPromoted, beside those of the targets. The report is valid in any case.
func (r *Repo) Replicate(ctx context.Context, to target.Target, o ReplicateOptions) (ReplicateReport, error) {
	report, err := replica.Replicate(ctx, r.e, object.Paced(to, r.e.Pace), replica.Options{
		KeepDeleted: o.KeepDeleted, DeleteUnexplained: o.DeleteUnexplained, Progress: progressTo(o.Progress),
	})
	return ReplicateReport(report), err
}

// ReplicateKeyless makes a target a replica of the repository on another one, or brings it up
// to date, as Repo.Replicate does. It takes no key, so it can't tell what a snapshot reaches,
// and removes nothing.
func ReplicateKeyless(ctx context.Context, from, to target.Target, o KeylessOptions) (ReplicateReport, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	from, to = object.Paced(from, o.Pace), object.Paced(to, o.Pace)
	report, err := replica.ReplicateKeyless(ctx, from, to, replica.KeylessOptions{
		Now: o.Now, Rand: o.Rand, Progress: progressTo(o.Progress),
	})
	return ReplicateReport(report), err
}
