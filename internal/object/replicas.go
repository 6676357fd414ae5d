package object

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

// A Replica is a further target with the same objects. It is opened when it is first
// needed.
type Replica struct {
	Name string // as it is shown
	Open func(context.Context) (target.Target, error)
}

// A replicaSet is the replicas of a store, opened as they are needed.
type replicaSet struct {
	all  []Replica
	warn func(error)

	mu     sync.Mutex
	opened map[int]target.Target
	failed map[int]error
	served map[string]bool // names of the objects that were read from a replica
	warned map[int]bool    // of replicas, that they were read from
}

// open returns a replica's target.
func (r *replicaSet) open(ctx context.Context, n int) (target.Target, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.opened[n]; t != nil || r.failed[n] != nil {
		return t, r.failed[n]
	}
	t, err := r.all[n].Open(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		if r.failed == nil {
			r.failed = map[int]error{}
		}
		r.failed[n] = fmt.Errorf("replica %s: %w", r.all[n].Name, err)
		return nil, r.failed[n]
	}
	if r.opened == nil {
		r.opened = map[int]target.Target{}
	}
	r.opened[n] = t
	return t, nil
}

// note notes that an object was read from a replica, and warns of the first.
func (r *replicaSet) note(n int, name string, here error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.warned[n] {
		if r.warned == nil {
			r.warned = map[int]bool{}
		}
		r.warned[n] = true
		r.warn(fmt.Errorf("%s was read from replica %s: %w", name, r.all[n].Name, here))
	}
	if r.served == nil {
		r.served = map[string]bool{}
	}
	r.served[name] = true
}

// TryReplicas does a read that failed here on each replica, until it succeeds on one,
// and notes that. If it succeeds on none, it returns why it failed here.
//
// A replica gives the bytes of an object, never whether it is there: the repository's own
// target alone tells that, as deleting relies on it. Prune and check, which have to know
// what is on the target, use a store without replicas (see Fresh).
func (s *Store) TryReplicas(ctx context.Context, name string, here error, read func(*Store) error) error {
	if ctx.Err() != nil || errors.Is(here, seal.ErrNoKey) {
		return here
	}
	for n := range s.replicas.all {
		t, err := s.replicas.open(ctx, n)
		if err == nil {
			err = read(On(t, Options{}))
		}
		if err == nil {
			s.replicas.note(n, name, here)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return here
}

// ReadFromReplicas reads an object that is damaged here and is named by its bytes.
func (s *Store) ReadFromReplicas(ctx context.Context, name string, hash [32]byte, limit int64, here error) (object []byte, err error) {
	err = s.TryReplicas(ctx, name, here, func(replica *Store) error {
		b, err := replica.ReadAll(ctx, name, limit)
		if err == nil && blake3.Sum256(b) != hash {
			err = ErrHash
		}
		object = b
		return err
	})
	if err != nil {
		return nil, err
	}
	return object, nil
}

// Longest returns the size of the longest copy of an object on any replica, and the
// name of that replica; 0 if there is none. It skips replicas that can't be asked:
// reading from them reports it.
func (s *Store) LongestCopy(ctx context.Context, name string) (size int64, replica string, err error) {
	for n, r := range s.replicas.all {
		t, err := s.replicas.open(ctx, n)
		if ctx.Err() != nil {
			return 0, "", ctx.Err()
		}
		if err != nil {
			continue
		}
		if info, err := t.Stat(ctx, name); err == nil && info.Size > size {
			size, replica = info.Size, r.Name
		}
	}
	return size, replica, nil
}

// Served returns the names of the objects that couldn't be read here and were read from a
// replica instead.
func (s *Store) Served() []string {
	s.replicas.mu.Lock()
	defer s.replicas.mu.Unlock()
	return slices.Sorted(maps.Keys(s.replicas.served))
}
