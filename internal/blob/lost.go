package blob

import (
	"context"
	"errors"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/snapshot"
)

// A LostError means that there is no readable copy of a chunk or tree.
type LostError struct {
	ID   chunk.ID
	Tree bool
	Err  error // why a known copy can't be read; nil if no copy is known
}

// Error names the chunk or tree, and says why it can't be read.
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

// FindLost adds to lost the blobs that a snapshot reaches and that no pack of the index holds.
// It skips trees that are in seen, and adds to seen those that it reads. It doesn't add
// chunks: there are too many of them, and looking one up takes little time.
func (r *Reader) FindLost(ctx context.Context, x *index.Index, m *snapshot.Manifest, lost, seen map[chunk.ID]bool) error {
	return snapshot.ReachAll(ctx, r, m, func(id chunk.ID, tree bool) (bool, error) {
		if tree { // a tree has to be read, a chunk need only be looked up
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
