package object

import (
	"context"
	"errors"
	"sync"

	"github.com/qsnap/qsnap/target"
)

// ErrNotCreateOnly means that the target can't create objects atomically: of several writers
// that store one name at once, more than one may succeed. Snapshots are as safe there as
// elsewhere: their objects are named by the hash of their bytes. But nothing decides
// between a run that publishes and a prune that abandons it, so prune keeps what an
// interrupted run left pending until a person drops it (PruneOptions.DropPending). And of
// two writers that change a snapshot's tags or pin, or rotate the key, at the same moment,
// one may undo the other.
var ErrNotCreateOnly = errors.New("the target cannot create objects atomically: of two writers of one name, both may succeed")

// createOnly is what is known of a target's Put.
type createOnly struct {
	warn       func(error)
	mu         sync.Mutex
	known, yes bool
}

// CreatesOnly reports whether Create can be relied on never to replace an object. The
// first call asks the target, and warns if not.
func (s *Store) CreatesOnly(ctx context.Context) (bool, error) {
	c := s.create
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		return c.yes, nil
	}
	yes, err := target.CreateOnly(ctx, s.target)
	if err != nil {
		return false, err
	}
	c.known, c.yes = true, yes
	if !yes {
		c.warn(ErrNotCreateOnly)
	}
	return yes, nil
}
