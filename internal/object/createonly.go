package object

import (
	"context"
	"errors"
	"sync"

	"github.com/qsnap/qsnap/target"
)

// ErrNotCreateOnly means that the target can't create objects atomically: of several writers
// that store one name at once, more than one may succeed. Snapshots are as safe on such a
// target as on any other, because their objects are named by the hash of their bytes. But
// nothing decides between a run that publishes and a prune that abandons that run. So prune
// keeps the pending manifest of an interrupted run until a person drops it
// (PruneOptions.DropPending). And if two writers change the tags or the pin of a snapshot, or
// rotate the key, at the same moment, one may undo the other's change.
var ErrNotCreateOnly = errors.New("the target cannot create objects atomically: of two writers of one name, both may succeed")

// A createOnlyProbe finds out whether a target's Put never replaces an object.
type createOnlyProbe struct {
	warn       func(error)
	mu         sync.Mutex
	probed     bool
	createOnly bool // valid once probed
}

// CreatesOnly reports whether Create never replaces an object. The first call asks the
// target, and warns if Create may replace one.
func (s *Store) CreatesOnly(ctx context.Context) (bool, error) {
	p := s.probe
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.probed {
		return p.createOnly, nil
	}
	createOnly, err := target.CreateOnly(ctx, s.target)
	if err != nil {
		return false, err
	}
	p.probed, p.createOnly = true, createOnly
	if !createOnly {
		p.warn(ErrNotCreateOnly)
	}
	return createOnly, nil
}
