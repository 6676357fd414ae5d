package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/target"
)

var (
	// ErrPromoted means that a target is no replica any more, because it was promoted.
	ErrPromoted = errors.New("it is no longer a replica, because it was promoted: replicate to another target")
	// ErrReplicating means that a replica can't be promoted, because a replication may
	// still write to it.
	ErrReplicating = errors.New("a replication to it has not ended")
)

// PromoteOptions say how a replica is promoted.
type PromoteOptions struct {
	Force bool      // ignore the markers of replications
	Rand  io.Reader // for what makes a target a replica again if promoting it fails
}

// Promote makes a replica a repository of its own. The errors are ErrReplicating, and
// fs.ErrNotExist if the target holds no replica.
func Promote(ctx context.Context, t target.Target, o PromoteOptions) error {
	on := object.On(t, object.Options{})
	if err := config.Probe(ctx, on); err != nil {
		return err
	}
	err := on.Delete(ctx, object.ReplicaName)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no replica here: %w", fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	if err := removeMarkers(ctx, on, o.Force); err != nil {
		return object.Join(err, config.PutSibling(ctx, on, object.ReplicaName, o.Rand))
	}
	return nil
}

// removeMarkers removes the markers of replications that have ended. A marker of another one
// is ErrReplicating; with force it is removed, too.
func removeMarkers(ctx context.Context, on *object.Store, force bool) error {
	if err := removeEndedMarkers(ctx, on); err != nil {
		return err
	}
	for info, err := range on.List(ctx, object.Replicating) {
		if err != nil {
			return err
		}
		if !force {
			return ErrReplicating
		}
		if err := on.Remove(ctx, info.Name); err != nil {
			return err
		}
	}
	return nil
}
