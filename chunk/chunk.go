// Package chunk cuts streams of bytes where their content says so, and names
// the pieces.
//
// # Cuts
//
// A cut stands where the Rabin fingerprint (Rabin, "Fingerprinting by random
// polynomials", 1981) of the 64 bytes before it is zero in its lowest Bits bits.
// The fingerprint is the window, read as a polynomial over GF(2), modulo an
// irreducible one of degree 53; cuts are those of github.com/restic/chunker
// with the same parameters. A chunk has at least Min
// bytes, unless it ends its stream, and is cut at Max bytes in any case. Each
// repository has a random polynomial.
//
// A stream of at most Whole bytes is one chunk and is not looked through: most
// files are small, and chunks of neighbouring files are compressed and sealed
// together, so that cutting them would gain nothing.
package chunk

import (
	"errors"
	"fmt"

	"github.com/restic/chunker"
)

// windowSize is the number of bytes that a cut depends on.
const windowSize = 64

// Params say where to cut. They belong to a repository's format: changing them
// later loses deduplication against what is stored.
type Params struct {
	Polynomial uint64 // irreducible, of degree 53
	Min, Max   int    // bytes of a chunk
	Bits       int    // 1<<Bits bytes are the mean distance of cut candidates
	Whole      int    // bytes up to which a stream is one chunk; at most Max
}

// DefaultParams returns the parameters of a new repository, with a random
// polynomial. The sizes are a compromise measured on source trees, tar files of
// them, SQLite files, SQL dumps and logs, each in ten successive versions:
// against Min 512 KiB, Max 8 MiB, Bits 20, which others use, a history of
// databases or tar files shrinks to half, for 0.1 % of metadata.
func DefaultParams() (Params, error) {
	pol, err := chunker.RandomPolynomial()
	if err != nil {
		return Params{}, fmt.Errorf("random polynomial: %w", err)
	}
	return Params{Polynomial: uint64(pol), Min: 32 << 10, Max: 512 << 10, Bits: 16, Whole: 128 << 10}, nil
}

// Bounds of what Validate accepts. A chunk has to fit a segment.
const (
	MinSize = 4 << 10
	MaxSize = 16 << 20
)

// Validate returns an error unless the parameters can be used.
func (p Params) Validate() error {
	switch {
	case !irreducible(p.Polynomial):
		return errors.New("chunk parameters: the polynomial is not irreducible of degree 53")
	case p.Min < MinSize || p.Max > MaxSize || p.Min >= p.Max:
		return fmt.Errorf("chunk parameters: sizes %d to %d are not within %d to %d", p.Min, p.Max, MinSize, MaxSize)
	case p.Bits < 10 || p.Bits > 24:
		return fmt.Errorf("chunk parameters: %d bits are not within 10 to 24", p.Bits)
	case p.Whole < 0 || p.Whole > p.Max:
		return fmt.Errorf("chunk parameters: whole streams of %d bytes exceed a chunk", p.Whole)
	}
	return nil
}
