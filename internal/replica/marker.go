package replica

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
)

// A marker is the object on a replica that shows a replication under way. It is stored before
// anything else is written. A promotion first deletes what makes the target a replica, and
// then looks for markers; a replication stores its marker first, and then checks that the
// target still is a replica. So at least one of the two sees the other.
type marker struct {
	on   *object.Store
	name string
}

const maxMarker = 4 << 10

// putMarker shows that a replication to a replica is under way. A target that is no replica
// any more is ErrPromoted.
func putMarker(ctx context.Context, to *object.Store, random io.Reader) (*marker, error) {
	if err := removeEndedMarkers(ctx, to); err != nil {
		return nil, err
	}
	var id [16]byte
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return nil, err
	}
	m := &marker{to, object.Replicating.Under(hex.EncodeToString(id[:]))}
	if err := to.Create(ctx, m.name, runs.Process()); err != nil {
		return nil, err
	}
	sibling, err := config.ReadSibling(ctx, to, object.ReplicaName)
	if err == nil && sibling == "" {
		err = ErrPromoted
	}
	if err != nil {
		return nil, object.Join(err, m.remove(ctx))
	}
	return m, nil
}

func (m *marker) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), runs.ReleaseTimeout)
	defer cancel()
	return m.on.Remove(ctx, m.name)
}

// removeEndedMarkers removes the markers of processes of this machine that have ended.
func removeEndedMarkers(ctx context.Context, on *object.Store) error {
	for info, err := range on.List(ctx, object.Replicating) {
		if err != nil {
			return err
		}
		process, err := on.ReadFront(ctx, info.Name, maxMarker)
		if object.IsDamage(err) {
			continue // its replication may still be under way
		}
		if err == nil && runs.HasEnded(process) {
			err = on.Delete(ctx, info.Name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
