package repo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"sync"

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
	ErrReplica = errors.New("it is a replica, which only replication changes")
	// ErrPromoted means that a target holds a replica no more: it was promoted.
	ErrPromoted = errors.New("it is no replica any more: it was promoted")
	// ErrReplicating means that a replica can't be promoted, because something may still
	// be written to it.
	ErrReplicating = errors.New("a replication to it has not ended")
)

// What makes a target a replica, and what tells that one is written to.
const (
	replicaName       = "replica"
	replicatingPrefix = "replicating/"
	maxReplicating    = 4 << 10
)

// readOnly is the target of a replica that was opened as a repository. It hides
// whatever else the target can do.
type readOnly struct{ of target.Target }

// Put is part of target.Target.
func (t readOnly) Put(context.Context, string, io.ReaderAt, int64) error { return ErrReplica }

// Delete is part of target.Target.
func (t readOnly) Delete(context.Context, string) error { return ErrReplica }

// Get is part of target.Target.
func (t readOnly) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	return t.of.Get(ctx, name, off, n)
}

// Stat is part of target.Target.
func (t readOnly) Stat(ctx context.Context, name string) (target.Info, error) {
	return t.of.Stat(ctx, name)
}

// List is part of target.Target.
func (t readOnly) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return t.of.List(ctx, prefix)
}

// A replicating is a replication under way: an object on the replica, which is there
// before anything else is written. Whoever promotes the replica removes what makes it
// one, and then looks for such objects; whoever replicates stores his, and then looks
// whether it still is one. So one of the two sees the other.
type replicating struct {
	to   target.Target
	name string
}

// beginReplicating says that the target is written to from now on.
func beginReplicating(ctx context.Context, to target.Target) (*replicating, error) {
	if err := dropEnded(ctx, to); err != nil {
		return nil, err
	}
	var run [16]byte
	if _, err := io.ReadFull(rand.Reader, run[:]); err != nil {
		return nil, err
	}
	w := &replicating{to, replicatingPrefix + hex.EncodeToString(run[:])}
	body := processOf()
	if err := to.Put(ctx, w.name, bytes.NewReader(body), int64(len(body))); err != nil {
		return nil, err
	}
	mark, err := readSibling(ctx, to, replicaName)
	if err == nil && mark == "" {
		err = ErrPromoted
	}
	if err != nil {
		return nil, also(err, w.end(ctx))
	}
	return w, nil
}

func (w *replicating) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	err := w.to.Delete(ctx, w.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// dropEnded removes what replications have left whose process, one of this machine,
// has ended.
func dropEnded(ctx context.Context, to target.Target) error {
	for info, err := range to.List(ctx, replicatingPrefix) {
		if err != nil {
			return err
		}
		body, err := readFront(ctx, tell(to), info.Name, maxReplicating)
		if isDamage(err) {
			continue // for all that is known it is still under way
		}
		if err == nil && isDead(body) {
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
	if err := t.Delete(ctx, replicaName); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no replica here: %w", fs.ErrNotExist)
	} else if err != nil {
		return err
	}
	err := dropEnded(ctx, t)
	for info, e := range t.List(ctx, replicatingPrefix) {
		switch {
		case e != nil:
			err = errors.Join(err, e)
		case !force:
			err = errors.Join(err, ErrReplicating)
		default:
			if e := t.Delete(ctx, info.Name); !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		return errors.Join(err, putSibling(ctx, t, replicaName, rand.Reader))
	}
	return nil
}

// A replicaSet is the replicas of an open repository, opened as they are needed.
type replicaSet struct {
	all []Replica

	mu     sync.Mutex
	opened map[int]target.Target
	failed map[int]error
	served map[string]bool // names of what was read from a replica
}

// open returns a replica's target.
func (s *replicaSet) open(ctx context.Context, n int) (target.Target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.opened[n]; t != nil || s.failed[n] != nil {
		return t, s.failed[n]
	}
	t, err := s.all[n].Open(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		if s.failed == nil {
			s.failed = map[int]error{}
		}
		s.failed[n] = fmt.Errorf("replica %s: %w", s.all[n].Name, err)
		return nil, s.failed[n]
	}
	if s.opened == nil {
		s.opened = map[int]target.Target{}
	}
	s.opened[n] = t
	return t, nil
}

// A sort is a sort of objects, as a replica has them.
type sortOf struct {
	prefix string // or the name of a single object
	named  bool   // by the hash of its bytes
}

// sorts are all that a replica has of its repository, in the order in which it is
// given them. Not on this list is what belongs to a target: leases, pending manifests
// and the quarantine, by which those who change the repository get along; the reserve;
// and what tells a twin, which a replica never is.
var sorts = []sortOf{
	{keysPrefix, true}, {epochsPrefix, false}, {configName, false}, {configCopyName, false},
	{packsPrefix, true}, {indexPrefix, true}, {lossesPrefix, true},
	{forgottenPrefix, true}, {marksPrefix, false}, {snapshotPrefix, true},
}

// sortOfName returns the sort that an object is of.
func sortOfName(name string) (sortOf, bool) {
	for _, s := range sorts {
		if name == s.prefix || strings.HasSuffix(s.prefix, "/") && strings.HasPrefix(name, s.prefix) {
			return s, true
		}
	}
	return sortOf{}, false
}

// nameHash returns the hash that an object's name says it has.
func nameHash(name string) (hash [32]byte, ok bool) {
	b, err := hex.DecodeString(name[strings.LastIndexByte(name, '/')+1:])
	if err != nil || len(b) != len(hash) {
		return hash, false
	}
	return [32]byte(b), true
}
