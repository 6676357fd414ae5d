package repo

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/snapshot"
)

// PruneOptions say how space is reclaimed. The zero value is useful.
type PruneOptions struct {
	// MaxUnused bounds the unused bytes that stay in packs with needed data, as a fraction of
	// the used bytes: 0 is none, and math.Inf(1) no limit. Nil is 0.03.
	MaxUnused *float64
	// MaxRepack bounds the bytes that are repacked. Nil is no limit. Packs in the quarantine
	// of other prunes are repacked in any case, because nobody relies on them.
	MaxRepack *int64
	Budget    *time.Duration // time after which nothing more is repacked; nil is no limit
	Wait      time.Duration  // how long to wait for runs that may rely on packs to be deleted
	DryRun    bool           // change nothing
	// AllowNoSnapshots permits Prune to delete every pack of a repository without snapshots.
	// Else that is ErrWouldDeleteAll, because the snapshots may have been lost, or hidden by
	// someone who can write to the target.
	AllowNoSnapshots bool
	Without          []snapshot.ID // with DryRun only: as if these had been forgotten
	// DropPending are pending manifests that are abandoned on a target that replaces objects
	// (see PruneReport.Stale, and Maintenance.Pending). Their runs must have ended for
	// certain: a run that goes on may publish a snapshot whose data is deleted.
	DropPending []snapshot.ID
	Workers     int // 0 is as many as processors

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// The phases of Prune, beside PhaseSnapshots.
const (
	PhaseIndex      Phase = prune.PhaseIndex      // reading index deltas
	PhaseLocks      Phase = prune.PhaseLocks      // asking the target for the locks of packs
	PhaseQuarantine Phase = prune.PhaseQuarantine // putting packs in quarantine
	PhaseWait       Phase = prune.PhaseWait       // waiting for other runs
	PhaseRepack     Phase = prune.PhaseRepack     // storing what is needed in new packs
	PhaseDelete     Phase = prune.PhaseDelete     // deleting packs
)

// A PruneReport says what a prune did, or would do.
type PruneReport struct {
	Snapshots     int64 `json:"snapshots"`     // that were read, pending ones included
	Packs         int64 `json:"packs"`         // that were there before
	PackBytes     int64 `json:"pack_bytes"`    // of these
	Removed       int64 `json:"packs_removed"` // packs
	RemovedBytes  int64 `json:"bytes_removed"`
	Repacked      int64 `json:"packs_repacked"` // removed packs that held needed data
	RepackedBytes int64 `json:"bytes_repacked"` // of that data, stored in new packs
	UnusedBytes   int64 `json:"bytes_unused"`   // that stay in packs with needed data
	// WaitingPacks are in quarantine until the runs in Waiting have ended.
	WaitingPacks int64        `json:"packs_waiting"`
	WaitingBytes int64        `json:"bytes_waiting"`
	Waiting      []WaitingRun `json:"waiting_for"`
	// LockedPacks hold nothing that is needed, but the target keeps them locked. The next
	// Prune after their locks have ended deletes them. Removed doesn't count them.
	LockedPacks int64     `json:"packs_locked"`
	LockedBytes int64     `json:"bytes_locked"`
	LockedFirst time.Time `json:"-"` // when the first of their locks ends
	LockedLast  time.Time `json:"-"` // when the last of their locks ends
	// Stale are pending manifests of dead runs. They are kept, with all they reach, because
	// the target may replace objects: see PruneOptions.DropPending.
	Stale []*snapshot.Manifest `json:"-"`
	// Cost is about what a prune would ask of the target. Only a dry run sets it.
	Cost Cost `json:"-"`
	// Left are the errors of packs that can't be read and were left alone. If nothing else
	// fails, Prune's error matches each of them by errors.Is.
	Left []error `json:"-"`
}

// A WaitingRun is a run that may rely on packs which are to be deleted.
type WaitingRun struct {
	What     string    `json:"what"` // "snapshot", "restore" and so on
	Hostname string    `json:"hostname"`
	Username string    `json:"username"`
	Begun    time.Time `json:"begun"`
	DeadBy   time.Time `json:"dead_by"` // when it counts as dead, unless it renews its lease
}

// Prune deletes the packs that no snapshot needs, after repacking what is needed of
// those that are mostly unused, and merges small ones. It never keeps others from taking
// snapshots, restoring or checking, nor from pruning. It may be interrupted at any point;
// the next one goes on. Packs that runs under way may rely on are only put in
// quarantine, and deleted by the next Prune after these have ended.
//
// If a manifest or tree can't be read it deletes nothing, and the error is
// ErrUnreadable. If packs can't be read it leaves these alone, and the error matches
// ErrDamaged. If there are packs to delete and no snapshots, the error is
// ErrWouldDeleteAll. The report says what was done, also when there is an error.
func (r *Repo) Prune(ctx context.Context, o PruneOptions) (PruneReport, error) {
	report, err := prune.Run(ctx, r.e, prune.Options{
		MaxUnused: o.MaxUnused, MaxRepack: o.MaxRepack, Budget: o.Budget, Wait: o.Wait, DryRun: o.DryRun,
		AllowNoSnapshots: o.AllowNoSnapshots, Without: o.Without, DropPending: o.DropPending,
		Workers: o.Workers, Progress: progressTo(o.Progress),
	})
	return pruneReport(report), err
}

func pruneReport(r prune.Report) PruneReport {
	out := PruneReport{
		Snapshots: r.Snapshots, Packs: r.Packs, PackBytes: r.PackBytes,
		Removed: r.Removed, RemovedBytes: r.RemovedBytes, Repacked: r.Repacked, RepackedBytes: r.RepackedBytes,
		UnusedBytes: r.UnusedBytes, WaitingPacks: r.WaitingPacks, WaitingBytes: r.WaitingBytes,
		LockedPacks: r.LockedPacks, LockedBytes: r.LockedBytes, LockedFirst: r.LockedFirst, LockedLast: r.LockedLast,
		Stale: r.Stale, Cost: Cost(r.Cost), Left: r.Left,
	}
	for _, w := range r.Waiting {
		out.Waiting = append(out.Waiting, WaitingRun(w))
	}
	return out
}
