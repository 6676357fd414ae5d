package repo

import (
	"context"
	"crypto/rand"
	"io"

	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/target"
)

// PromoteOptions say how a replica is promoted. The zero value is useful.
type PromoteOptions struct {
	// Force promotes the replica even if there are signs of a replication to it that has
	// not ended. The caller knows that it has: its machine is gone for good.
	Force bool
	// Rand makes what tells replicas apart, if promoting fails and the target stays a
	// replica. Nil is crypto/rand.
	Rand io.Reader
}

// Promote makes a replica a repository of its own, which can be changed, after its repository
// was lost or given up. It takes no key. If a replication to it has not ended, the error is
// ErrReplicating, and the target stays a replica. If the target holds no replica, the error
// is fs.ErrNotExist.
func Promote(ctx context.Context, t target.Target, o PromoteOptions) error {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return replica.Promote(ctx, t, replica.PromoteOptions(o))
}
