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
	Name string // shown in messages
	Open func(context.Context) (target.Target, error)
}

// A replicaSet is the replicas of a store. Each is opened when it is first needed.
type replicaSet struct {
	all  []Replica
	warn func(error)

	mu     sync.Mutex
	opened map[int]target.Target // by index in all, as the next two
	failed map[int]error
	warned map[int]bool    // warn was called for the replica
	served map[string]bool // names of the objects that were read from a replica
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

// note records that an object was read from a replica, and warns if it is the first object
// from that replica.
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

// TryReplicas repeats a read that failed on the target with the error here. It tries one
// replica after another until the read succeeds, and records that. If the read succeeds on
// none, TryReplicas returns here.
//
// A replica answers what the bytes of an object are, never whether the object exists. Only
// the repository's own target answers that, because deleting relies on it. Prune and check
// have to know what is on the target, so they use a store without replicas (see Fresh).
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

// ReadFromReplicas reads an object that is damaged on the target, as the error here says. The
// object is named by the hash of its bytes.
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

// LongestCopy returns the size of the longest copy of an object on any replica, and the name
// of that replica. The size is 0 if no replica has the object. LongestCopy skips replicas
// that fail; a read from them returns the error.
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

// Served returns the names of the objects that couldn't be read from the target and were
// read from a replica.
func (s *Store) Served() []string {
	s.replicas.mu.Lock()
	defer s.replicas.mu.Unlock()
	return slices.Sorted(maps.Keys(s.replicas.served))
}
