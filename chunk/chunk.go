// Package chunk cuts streams of bytes into chunks at points that depend on their content,
// and names the chunks.
//
// # Cuts
//
// A chunk ends where the Rabin fingerprint (Rabin, "Fingerprinting by random
// polynomials", 1981) of its last 64 bytes is zero in the lowest Bits bits. The
// fingerprint is the window of 64 bytes, read as a polynomial over GF(2), modulo an
// irreducible polynomial of degree 53. The cuts are those of github.com/restic/chunker
// with the same parameters. A chunk has at least Min bytes, unless it is the last of its
// stream, and at most Max bytes. Each repository has its own random polynomial.
//
// A stream of at most Whole bytes is one chunk and is not searched for cuts: most files
// are small, and chunks of neighbouring files are compressed and sealed together, so
// cutting them would gain nothing.
package chunk

import (
	"errors"
	"fmt"

	"github.com/restic/chunker"
)

// windowSize is the number of bytes that a cut depends on.
const windowSize = 64

// Params say where to cut. They are part of a repository's format: new chunks cut with
// other parameters don't deduplicate against stored ones.
type Params struct {
	Polynomial uint64 // irreducible, of degree 53
	Min, Max   int    // bytes of a chunk
	Bits       int    // cut candidates are 1<<Bits bytes apart on average
	Whole      int    // the largest stream, in bytes, that is stored as one chunk; at most Max
}

// DefaultParams returns the parameters of a new repository, with a random polynomial. The
// sizes are a compromise, measured on source trees, tar files of them, SQLite files, SQL
// dumps and logs, each in ten successive versions. Compared with Min 512 KiB, Max 8 MiB
// and Bits 20, which other programs use, they halve the history of databases and tar
// files, for 0.1 % more metadata.
func DefaultParams() (Params, error) {
	pol, err := chunker.RandomPolynomial()
	if err != nil {
		return Params{}, fmt.Errorf("random polynomial: %w", err)
	}
	return Params{Polynomial: uint64(pol), Min: 32 << 10, Max: 512 << 10, Bits: 16, Whole: 128 << 10}, nil
}

// Limits that Validate enforces. A chunk must fit into a segment.
const (
	MinSize = 4 << 10
	MaxSize = 16 << 20
)

// Validate returns an error unless the parameters are usable.
func (p Params) Validate() error {
	switch {
	case !irreducible(p.Polynomial):
		return errors.New("chunk parameters: the polynomial must be irreducible and of degree 53")
	case p.Min < MinSize || p.Max > MaxSize || p.Min >= p.Max:
		return fmt.Errorf("chunk parameters: Min %d and Max %d must be within %d to %d, and Min below Max", p.Min, p.Max, MinSize, MaxSize)
	case p.Bits < 10 || p.Bits > 24:
		return fmt.Errorf("chunk parameters: Bits is %d and must be 10 to 24", p.Bits)
	case p.Whole < 0 || p.Whole > p.Max:
		return fmt.Errorf("chunk parameters: Whole is %d and must be 0 to Max", p.Whole)
	}
	return nil
}
