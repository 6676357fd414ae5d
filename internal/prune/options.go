package prune

import (
	"time"

	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/snapshot"
)

// Options say how space is reclaimed. The zero value is useful.
type Options struct {
	MaxUnused        *float64       // fraction of the used bytes that may stay unused; nil is 0.03
	MaxRepack        *int64         // bytes that may be repacked; nil is no limit
	Budget           *time.Duration // time after which nothing more is repacked; nil is no limit
	Wait             time.Duration  // how long to wait for runs that may rely on packs to be deleted
	DryRun           bool           // change nothing
	AllowNoSnapshots bool           // permit to delete every pack if there are no snapshots
	Without          []snapshot.ID  // with DryRun only: as if these snapshots had been forgotten
	// DropPending are pending manifests that are abandoned on a target that replaces objects.
	DropPending []snapshot.ID
	Workers     int // 0 is as many as processors
	Progress    func(outcome.Progress)
}

// A Report says what Run did, or would do.
type Report struct {
	Snapshots     int64 // that were read
	Packs         int64 // that were there before
	PackBytes     int64
	Removed       int64 // packs
	RemovedBytes  int64
	Repacked      int64 // of the removed packs
	RepackedBytes int64 // that were stored again
	UnusedBytes   int64 // that stay in packs with live blobs
	// WaitingPacks are in quarantine until the runs in Waiting have ended.
	WaitingPacks int64
	WaitingBytes int64
	Waiting      []WaitingRun
	// LockedPacks are dead, and the target keeps them locked until between LockedFirst and
	// LockedLast.
	LockedPacks int64
	LockedBytes int64
	LockedFirst time.Time
	LockedLast  time.Time
	Stale       []*snapshot.Manifest // pending manifests of dead runs that only a person may abandon
	Cost        outcome.Cost         // of a dry run
	Left        []error              // why packs that can't be read are left alone
}

// A WaitingRun is a run that may rely on packs in quarantine.
type WaitingRun struct {
	What     string // "snapshot", "restore" and so on
	Hostname string
	Username string
	Begun    time.Time
	DeadBy   time.Time // when it counts as dead unless it renews its lease
}

// The phases of a prune.
const (
	PhaseIndex      = "index"
	PhaseSnapshots  = "snapshots"
	PhaseLocks      = "locks"
	PhaseQuarantine = "quarantine"
	PhaseWait       = "wait"
	PhaseRepack     = "repack"
	PhaseDelete     = "delete"
)
