package repo

import (
	"context"

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
