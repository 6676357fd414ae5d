package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/target"
)

// A Replica is a further target with the same repository: see Repo.Replicate. Objects that
// the repository's own target can't give any more are read from it. It is opened when it is
// first needed.
type Replica struct {
	Name string // as it is shown
	Open func(context.Context) (target.Target, error)
}

// ReplicaOn returns a replica whose target is open.
func ReplicaOn(name string, t target.Target) Replica {
	return Replica{name, func(context.Context) (target.Target, error) { return t, nil }}
}

var (
	// ErrReplica means that a repository can only be read, because it is a replica.
	ErrReplica = config.ErrReplica
	// ErrPromoted means that a target is no replica any more, because it was promoted.
	ErrPromoted = replica.ErrPromoted
	// ErrReplicating means that a replica can't be promoted, because a replication may
	// still write to it.
	ErrReplicating = replica.ErrReplicating
	// ErrLookLost means that snapshots that only the replica has look as if the repository
	// had lost them, not forgotten them. ReplicateOptions.DeleteUnexplained doesn't delete
	// these.
	ErrLookLost = replica.ErrLookLost
)
