package repo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/target"
)

// A Replica is a further target with the same repository, to read what the first
// can't give any more, and to be mended from: see Replicate. It is opened when it is
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
	// ErrReplica means that a repository can only be read, being a replica.
	ErrReplica = config.ErrReplica
	// ErrPromoted means that a target holds a replica no more: it was promoted.
	ErrPromoted = errors.New("it is no replica any more: it was promoted")
	// ErrReplicating means that a replica can't be promoted, because something may still
	// be written to it.
	ErrReplicating = errors.New("a replication to it has not ended")
)

const maxReplicating = 4 << 10

// A replicating is a replication under way: an object on the replica, which is there
// before anything else is written. Whoever promotes the replica removes what makes it
// one, and then looks for such objects; whoever replicates stores his, and then looks
// whether it still is one. So one of the two sees the other.
type replicating struct {
	to   *object.Store
	name string
}

// beginReplicating says that the target is written to from now on.
func beginReplicating(ctx context.Context, to *object.Store) (*replicating, error) {
	if err := dropEnded(ctx, to); err != nil {
		return nil, err
	}
	var run [16]byte
	if _, err := io.ReadFull(rand.Reader, run[:]); err != nil {
		return nil, err
	}
	w := &replicating{to, object.Replicating.Under(hex.EncodeToString(run[:]))}
	body := runs.Process()
	if err := to.Create(ctx, w.name, body); err != nil {
		return nil, err
	}
	mark, err := config.ReadSibling(ctx, to, object.ReplicaName)
	if err == nil && mark == "" {
		err = ErrPromoted
	}
	if err != nil {
		return nil, object.Join(err, w.end(ctx))
	}
	return w, nil
}

func (w *replicating) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), runs.ReleaseTimeout)
	defer cancel()
	return w.to.Remove(ctx, w.name)
}

// dropEnded removes what replications have left whose process, one of this machine,
// has ended.
func dropEnded(ctx context.Context, to *object.Store) error {
	for info, err := range to.List(ctx, object.Replicating) {
		if err != nil {
			return err
		}
		body, err := to.ReadFront(ctx, info.Name, maxReplicating)
		if object.IsDamage(err) {
			continue // for all that is known it is still under way
		}
		if err == nil && runs.HasEnded(body) {
			err = to.Delete(ctx, info.Name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Promote makes a replica a repository of its own, which can be changed, after the
// one it was a replica of is lost or given up. It takes no key. Replications under
// way are ErrReplicating, unless force says that they have surely ended. A target that
// holds no replica is fs.ErrNotExist.
func Promote(ctx context.Context, t target.Target, force bool) error {
	if err := Probe(ctx, t); err != nil {
		return err
	}
	s := object.On(t, object.Options{})
	if err := s.Delete(ctx, object.ReplicaName); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no replica here: %w", fs.ErrNotExist)
	} else if err != nil {
		return err
	}
	err := dropEnded(ctx, s)
	for info, e := range s.List(ctx, object.Replicating) {
		switch {
		case e != nil:
			err = errors.Join(err, e)
		case !force:
			err = errors.Join(err, ErrReplicating)
		default:
			err = errors.Join(err, s.Remove(ctx, info.Name))
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		return errors.Join(err, config.PutSibling(ctx, s, object.ReplicaName, rand.Reader))
	}
	return nil
}

// replicatedKinds are the kinds of objects that a replica has of its repository, in the
// order in which it is given them; its config comes after the epochs. Not on this list is
// what belongs to a target: leases, pending manifests and the quarantine, by which the
// runs on the repository get along; the reserve; and what makes a twin, which a replica
// never is.
var replicatedKinds = []object.Kind{
	object.Keys, object.Epochs, object.Packs, object.Deltas, object.Losses,
	object.Forgotten, object.Marks, object.Snapshots,
}

// isHashNamed reports whether an object is named by the hash of its bytes.
func isHashNamed(name string) bool {
	kind, ok := object.KindOf(name)
	return ok && kind != object.Epochs && kind != object.Marks
}

// nameHash returns the hash that an object's name says it has.
func nameHash(name string) (hash [32]byte, ok bool) {
	b, err := hex.DecodeString(name[strings.LastIndexByte(name, '/')+1:])
	if err != nil || len(b) != len(hash) {
		return hash, false
	}
	return [32]byte(b), true
}

func served(e *engine.Engine) []string { return e.Store.Served() }
