package repo

import (
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/internal/retain"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/transfer"
)

// Errors of making and opening a repository.
var (
	// ErrNoRepository means that the target holds no repository.
	ErrNoRepository = config.ErrNoRepository
	// ErrOccupied means that Init makes no repository on a target, because the target holds
	// something else. Name an empty one.
	ErrOccupied = config.ErrOccupied
	// ErrUnfinished means that a target holds only key slots, with which Init begins. Init
	// with the same secret completes the repository. The error matches ErrNoRepository, too.
	ErrUnfinished = config.ErrUnfinished
	// ErrNoConfig, in a *DamageError, means that a repository has lost its config and the
	// copy of it. Everything else may be whole: put the config back from a replica, where it
	// has the same bytes.
	ErrNoConfig = config.ErrNoConfig
	// ErrWrongSecret means that no key slot opens with the secret.
	ErrWrongSecret = seal.ErrWrongSecret
	// ErrNewerKey means that an object is sealed with a key that was made after the one that
	// the repository was opened with. Open the repository with a newer secret (see
	// Keys.Rotate).
	ErrNewerKey = seal.ErrNoKey
)

// ErrAvoided means that no snapshot was taken, because a named source is in one of the
// directories of SnapshotOptions.Avoid.
var ErrAvoided = take.ErrAvoided

// Errors of what a target does.
var (
	// ErrNotCreateOnly means that the target can't create objects atomically: of several
	// writers that store one name at once, more than one may succeed. Options.Warn gets it.
	// Snapshots are as safe there as elsewhere, because their objects are named by the hash
	// of their bytes. But nothing decides between a run that publishes and a prune that
	// abandons this run. So Prune keeps what an interrupted run left pending, until a person
	// drops it (PruneOptions.DropPending). And of two writers that change a snapshot's tags
	// or pin, or rotate the key, at the same moment, one may undo the other's change.
	ErrNotCreateOnly = object.ErrNotCreateOnly
	// ErrLocked means that an object can't be deleted yet, because the target locks it. The
	// text says until when.
	ErrLocked = object.ErrLocked
)

// Errors of what is damaged.
var (
	// ErrDamaged means that something in the repository is missing, or can't be read as what
	// was stored. Every error that means damage matches it by errors.Is: *DamageError,
	// *LostError, *pack.DamageError, and the errors that Check, Heal and Prune return when
	// they have found damage.
	ErrDamaged = outcome.ErrDamaged
	// ErrVerification means that a restored file, when it is read back, differs from the
	// snapshot. The error of such a restore matches ErrIncomplete, too.
	ErrVerification = outcome.ErrVerification
)

// A DamageError names an object of a repository that can't be used as it is. Its fields
// are Object, the object's name on the target, and Err, what is wrong with it. It matches
// ErrDamaged.
type DamageError = object.DamageError

// A LostError means that no readable copy of a chunk or tree exists. Its fields are ID; Tree,
// which is set for a page of a tree; and Err, why the known copies can't be read, which is
// nil if there are none. It matches ErrDamaged.
type LostError = blob.LostError

// Errors of taking and restoring snapshots.
var (
	// ErrIncomplete means that a snapshot or a restore is done, but lacks paths or sources.
	// The error is an *IncompleteError.
	ErrIncomplete = outcome.ErrIncomplete
	// ErrEmptySource means that there was nothing in the source, and that no snapshot was
	// made. SnapshotOptions.AllowEmptySource permits one.
	ErrEmptySource = capture.ErrEmptySource
)

// An IncompleteError says what a finished snapshot or restore lacks. Its fields are Missing,
// the named sources that the snapshot lacks; Paths, how many paths could not be read or
// restored; Unmatched, the patterns of a restore that matched nothing; and Causes, the errors
// of the first paths. It matches ErrIncomplete, and errors.Is and errors.AsType find its
// causes. So a restore that lacks a path because of damage matches ErrDamaged, too.
type IncompleteError = outcome.IncompleteError

// A PatternError says which pattern is invalid, and why. Its fields are Source, where the
// pattern was given, such as "--exclude" for SnapshotOptions.Exclude; Text, the pattern; and
// Err, the reason.
type PatternError = ignore.PatternError

// A RoomError says that a destination has too little room for a restore, which has written
// nothing. Its fields are Path, on the file system that lacks room; Free and Need, what is
// free and the least that is needed, in bytes, or in inodes if Inodes is set; and Deleted,
// which says that Free includes what DeleteFirst would delete.
type RoomError = extract.RoomError

// Errors of choosing and forgetting snapshots, and of freeing space.
var (
	// ErrNoSnapshot means that there is no snapshot like the one that was asked for.
	ErrNoSnapshot = catalog.ErrNoSnapshot
	// ErrPinned means that a snapshot is not forgotten because it is pinned. Catalog.Unpin
	// unpins it.
	ErrPinned = catalog.ErrPinned
	// ErrNoneKept means that nothing was forgotten, because a policy would keep no snapshot
	// of a group. RetainOptions.AllowEmpty permits it.
	ErrNoneKept = retain.ErrNoneKept
	// ErrUnreadable means that Prune deleted nothing, because a manifest or tree can't be
	// read, so that it is unknown which packs are needed. Check names the damage.
	ErrUnreadable = prune.ErrUnreadable
	// ErrWouldDeleteAll means that Prune deleted nothing, because there is no snapshot, so
	// that it would delete every pack. PruneOptions.AllowNoSnapshots permits it.
	ErrWouldDeleteAll = prune.ErrWouldDeleteAll
)

// An AmbiguousError means that the ids of several snapshots begin with what Find was given.
// Its fields are Prefix, which Find was given, and Candidates, the ids of these snapshots.
type AmbiguousError = catalog.AmbiguousError

// Errors of copies and replicas.
var (
	// ErrNotCopied means that Copy could not copy a snapshot, because something of it is
	// lost. It copied the others.
	ErrNotCopied = transfer.ErrNotCopied
	// ErrReplica means that a repository can only be read, because it is a replica.
	ErrReplica = config.ErrReplica
	// ErrPromoted means that a target is no longer a replica, because it was promoted.
	ErrPromoted = replica.ErrPromoted
	// ErrReplicating means that a replica can't be promoted, because a replication may
	// still write to it. PromoteOptions.Force promotes it all the same.
	ErrReplicating = replica.ErrReplicating
	// ErrLookLost means that the repository seems to have lost snapshots that only the
	// replica has. ReplicateOptions.DeleteUnexplained doesn't delete these. HealOptions.Snapshots
	// brings them back.
	ErrLookLost = replica.ErrLookLost
)
