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

// ErrDamaged means that something in the repository is missing, or can't be read as what
// was stored. Every error that means damage matches it by errors.Is: *DamageError,
// *LostError, *pack.DamageError, and what Check, Heal and Prune return when they have
// found some.
var ErrDamaged = chunk.ErrDamaged

// ErrIncomplete means that a snapshot or a restore was done, but not of everything. The
// error is an *IncompleteError.
var ErrIncomplete = errors.New("incomplete")

// ErrVerification means that what was restored is not as in the snapshot when it is read
// back. The error of such a restore matches ErrIncomplete, too.
var ErrVerification = extract.ErrVerification

// An IncompleteError says what a snapshot or a restore lacks, which was done all the
// same. It matches ErrIncomplete, and errors.Is and errors.As find its causes: so a
// restore that misses something because of damage matches ErrDamaged, too.
type IncompleteError struct {
	Missing []snapshot.Missing // named sources that were not taken
	Paths   int64              // that could not be read, or restored, as they should
	// Unmatched are the patterns that were to pick what is restored and met nothing.
	Unmatched []string
	// Causes say why, each with its path: of the first 100 paths, of the first one that is
	// damage, and of the first one that failed verification.
	Causes []error

	Done string // "read" or "restored"
}

// Error says how much is lacking, and names the first cause.
func (e *IncompleteError) Error() string {
	var parts []string
	for _, m := range e.Missing {
		parts = append(parts, fmt.Sprintf("%s is missing: %s", m.Path, m.Text))
	}
	if e.Paths > 0 {
		part := fmt.Sprintf("%d paths could not be %s as they should", e.Paths, e.Done)
		if len(e.Causes) > 0 {
			part += ", the first is " + e.Causes[0].Error()
		}
		parts = append(parts, part)
	}
	for _, pattern := range e.Unmatched {
		parts = append(parts, pattern+" met nothing in the snapshot")
	}
	return strings.Join(parts, "; ")
}

// Is reports whether target is ErrIncomplete.
func (e *IncompleteError) Is(target error) bool { return target == ErrIncomplete }

// Unwrap returns the causes.
func (e *IncompleteError) Unwrap() []error { return e.Causes }

// maxCauses bounds the causes that an IncompleteError keeps.
const maxCauses = 100

// Causes gathers why paths could not be read or restored. It is safe for concurrent use.
type Causes struct {
	mu         sync.Mutex
	list       []error
	damaged    bool // damage is in the list
	unverified bool // failed verification is in the list
}

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

// Restart forgets what was gathered.
func (c *Causes) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list, c.damaged, c.unverified = nil, false, false
}

// Err returns an error if anything is missing, or so many paths were not done ("read",
// "restored") as they should.
func (c *Causes) Err(missing []snapshot.Missing, paths uint64, done string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(missing) == 0 && paths == 0 {
		return nil
	}
	return &IncompleteError{Missing: missing, Paths: int64(paths), Causes: c.list, Done: done}
}
