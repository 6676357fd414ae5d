package blob

import (
	"context"
	"errors"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/snapshot"
)

// A LostError means that no readable copy of a chunk or tree is there.
type LostError struct {
	ID   chunk.ID
	Tree bool
	Err  error // why the copies that are known can't be read; nil if there are none
}

// Error says what is lost and why.
func (e *LostError) Error() string {
	what := "chunk"
	if e.Tree {
		what = "tree"
	}
	if e.Err == nil {
		return fmt.Sprintf("%s %s is in no pack", what, e.ID.Short())
	}
	return fmt.Sprintf("%s %s: %v", what, e.ID.Short(), e.Err)
}

// Unwrap returns why.
func (e *LostError) Unwrap() error { return e.Err }

// Is reports whether target is chunk.ErrDamaged.
func (e *LostError) Is(target error) bool { return target == chunk.ErrDamaged }

// FindLost adds to lost the blobs that a snapshot reaches and no pack holds, as far as an
// index knows. Trees that are in seen are skipped, and those that are read are added to it.
// Chunks are too many for that, and looked up soon.
func (r *Reader) FindLost(ctx context.Context, x *index.Index, m *snapshot.Manifest, lost, seen map[chunk.ID]bool) error {
	return snapshot.ReachAll(ctx, r, m, func(id chunk.ID, tree bool) (bool, error) {
		if tree { // it is read in any case
			if seen[id] {
				return false, nil
			}
			seen[id] = true
			_, err := r.Blob(ctx, id, true)
			if _, ok := errors.AsType[*LostError](err); ok {
				lost[id] = true
				return false, nil
			}
			return true, err
		}
		places, err := x.Lookup(id)
		if err == nil && len(places) == 0 {
			lost[id] = true
		}
		return true, err
	})
}

// IsLost reports whether an error says that a blob is lost.
func IsLost(err error) bool {
	_, is := errors.AsType[*LostError](err)
	return is
}
