package repo

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// elsewhere does a read that failed here on each replica, until it succeeds on one,
// and notes that. Else it returns why it failed here.
//
// Only what is read is taken from a replica, never what is there or not: that is told
// by the repository's own target alone, as it is what deleting is safe by. Prune and
// check, which have to know how things are on it, have no replicas.
func (r *Repo) elsewhere(ctx context.Context, name string, here error, read func(target.Target) error) error {
	if ctx.Err() != nil || errors.Is(here, ErrNewerKey) {
		return here
	}
	for n := range r.replicas.all {
		t, err := r.replicas.open(ctx, n)
		if err == nil {
			err = read(t)
		}
		if err == nil {
			r.replicas.note(name)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return here
}

// segmentElsewhere reads a segment that can't be read here, and appends it to dst.
func (r *Repo) segmentElsewhere(ctx context.Context, p *pack.Info, n int, dst []byte, here error) (plain []byte, err error) {
	err = r.elsewhere(ctx, packName(p.ID), here, func(t target.Target) error {
		sealed := make([]byte, p.Segments[n].Stored)
		err := readRangeOf(ctx, t, packName(p.ID), p.Segments[n].Offset, sealed)
		if err == nil {
			plain, err = r.openSegment(p, n, sealed, dst)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return plain, nil
}

// objectElsewhere reads an object that is damaged here and is named by its bytes.
func (r *Repo) objectElsewhere(ctx context.Context, name string, hash [32]byte, limit int64, here error) (object []byte, err error) {
	err = r.elsewhere(ctx, name, here, func(t target.Target) error {
		b, err := target.ReadAll(ctx, t, name, limit)
		if err == nil && blake3.Sum256(b) != hash {
			err = errHash
		}
		object = b
		return err
	})
	if err != nil {
		return nil, err
	}
	return object, nil
}

func (s *replicaSet) note(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.served == nil {
		s.served = map[string]bool{}
	}
	s.served[name] = true
}

// Served returns the names of the objects that couldn't be read here and were read
// from a replica instead: Heal mends them.
func (r *Repo) Served() []string {
	r.replicas.mu.Lock()
	defer r.replicas.mu.Unlock()
	return slices.Sorted(maps.Keys(r.replicas.served))
}
