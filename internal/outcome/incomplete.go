package outcome

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrDamaged means that an object of the repository is missing, or differs from what was
// stored. Every error that means damage matches it by errors.Is: *DamageError, *LostError,
// *pack.DamageError, and the errors that Check, Heal and Prune return after they found
// damage.
var ErrDamaged = chunk.ErrDamaged

// ErrIncomplete means that a snapshot or a restore is done, but lacks paths or sources. The
// error is an *IncompleteError.
var ErrIncomplete = errors.New("incomplete")

// ErrVerification means that a restored file, when it is read back, differs from the
// snapshot. The error of such a restore matches ErrIncomplete, too.
var ErrVerification = extract.ErrVerification

// An IncompleteError says what a finished snapshot or restore lacks. It matches
// ErrIncomplete, and errors.Is and errors.As find its causes. So a restore that lacks a path
// because of damage matches ErrDamaged, too.
type IncompleteError struct {
	Missing []snapshot.Missing // named sources that the snapshot lacks
	Paths   int64              // paths that could not be read, or restored, as they should
	// Unmatched are the patterns of a restore that match nothing in the snapshot.
	Unmatched []string
	// Causes has an error for each of the first 100 paths, for the first path with damage, and
	// for the first path that failed verification. Each error names its path.
	Causes []error

	Done string // "read" or "restored"
}

// Error says how many paths and which sources are missing, and names the first cause.
func (e *IncompleteError) Error() string {
	var parts []string
	for _, m := range e.Missing {
		parts = append(parts, fmt.Sprintf("%s is missing: %s", m.Path, m.Text))
	}
	if e.Paths > 0 {
		part := fmt.Sprintf("%d paths could not be %s as they should", e.Paths, e.Done)
		switch {
		case e.Paths == 1 && len(e.Causes) > 0:
			part = fmt.Sprintf("1 path could not be %s as it should: %v", e.Done, e.Causes[0])
		case e.Paths == 1:
			part = fmt.Sprintf("1 path could not be %s as it should", e.Done)
		case len(e.Causes) > 0:
			part += ", the first is " + e.Causes[0].Error()
		}
		parts = append(parts, part)
	}
	for _, pattern := range e.Unmatched {
		parts = append(parts, pattern+" matches nothing in the snapshot")
	}
	return strings.Join(parts, "; ")
}

// Is reports whether target is ErrIncomplete.
func (e *IncompleteError) Is(target error) bool { return target == ErrIncomplete }

// Unwrap returns the causes.
func (e *IncompleteError) Unwrap() []error { return e.Causes }

// maxCauses bounds the causes that an IncompleteError keeps.
const maxCauses = 100

// Causes collects the errors of paths that could not be read or restored. It is safe for
// concurrent use.
type Causes struct {
	mu         sync.Mutex
	list       []error
	damaged    bool // an error in the list is damage
	unverified bool // an error in the list is a failed verification
}

// Add adds the error of a path.
func (c *Causes) Add(path string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	damage, verification := errors.Is(err, ErrDamaged), errors.Is(err, ErrVerification)
	first := damage && !c.damaged || verification && !c.unverified
	if len(c.list) >= maxCauses && !first {
		return
	}
	c.damaged, c.unverified = c.damaged || damage, c.unverified || verification
	c.list = append(c.list, fmt.Errorf("%s: %w", path, err))
}

// Reset drops all errors.
func (c *Causes) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list, c.damaged, c.unverified = nil, false, false
}

// Err returns an *IncompleteError, or nil if no source is missing and paths is 0. paths is
// the number of paths that could not be done ("read", "restored") as they should.
func (c *Causes) Err(missing []snapshot.Missing, paths uint64, done string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(missing) == 0 && paths == 0 {
		return nil
	}
	return &IncompleteError{Missing: missing, Paths: int64(paths), Causes: c.list, Done: done}
}
