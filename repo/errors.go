package repo

import (
	"github.com/qsnap/qsnap/internal/outcome"
)

// ErrDamaged means that something in the repository is missing, or can't be read as what
// was stored. Every error that means damage matches it by errors.Is: *DamageError,
// *LostError, *pack.DamageError, and what Check, Heal and Prune return when they have
// found some.
var ErrDamaged = outcome.ErrDamaged

// ErrIncomplete means that a snapshot or a restore was done, but not of everything. The
// error is an *IncompleteError.
var ErrIncomplete = outcome.ErrIncomplete

// ErrVerification means that what was restored is not as in the snapshot when it is read
// back. The error of such a restore matches ErrIncomplete, too.
var ErrVerification = outcome.ErrVerification

// An IncompleteError says what a snapshot or a restore lacks, which was done all the same.
// Its fields are Missing, the named sources that were not taken; Paths, how many paths
// could not be read or restored; Unmatched, the patterns that were to pick what is restored
// and met nothing; and Causes, the errors of the first paths. It matches ErrIncomplete, and
// errors.Is and errors.As find its causes: so a restore that misses something because of
// damage matches ErrDamaged, too.
type IncompleteError = outcome.IncompleteError
