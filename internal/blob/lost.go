package blob

import (
	"fmt"

	"github.com/qsnap/qsnap/chunk"
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
