// Package config has the settings that a repository is made with. It also finds out what is
// on a target: a repository, the remains of one, a twin, a replica, foreign files, or nothing.
//
// # Format
//
// The config is CBOR in core deterministic encoding (RFC 8949, 4.2.1), sealed in one piece
// under a repository id of zeros:
//
//	 1  repository id    byte string, 32 random bytes
//	 2  created          seconds since 1970
//	 3  AEAD of new objects
//	 4  chunking polynomial
//	 5  least bytes of a chunk
//	 6  most bytes of a chunk
//	 7  bits of a fingerprint that are zero at a cut
//	 8  bytes up to which a file is one chunk
//	 9  bytes at which a pack is full
//	10  bytes at which a segment is full
//
// A chunk's id is its keyed BLAKE3-256 hash under the sub-key "data ids". The id of a page of
// a tree is its keyed hash under "tree ids".
//
// The existence of the object "twin" makes a repository a twin, and that of the object
// "replica" makes it a replica. Their bytes don't matter, nor whether they can be read.
package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// Config has the settings that a repository is made with. They never change.
type Config struct {
	Repository  []byte    `cbor:"1,keyasint"` // 32 bytes, random
	Created     int64     `cbor:"2,keyasint"` // seconds since 1970
	AEAD        seal.AEAD `cbor:"3,keyasint"`
	Polynomial  uint64    `cbor:"4,keyasint"`
	MinChunk    int       `cbor:"5,keyasint"`
	MaxChunk    int       `cbor:"6,keyasint"`
	ChunkBits   int       `cbor:"7,keyasint"`
	WholeChunk  int       `cbor:"8,keyasint"`
	PackSize    int64     `cbor:"9,keyasint"`
	SegmentSize int       `cbor:"10,keyasint"`

	Twin    string `cbor:"-"` // distinguishes this twin from its siblings; empty if it is none
	Replica string `cbor:"-"` // the same of a replica
}

// Default and permitted sizes. To read one small file, its whole segment has to be read and
// decompressed. Larger segments compress better in the same time (Linux 6.1: 212.6 MB at
// 512 KiB, 207.6 at 1 MiB, 204.0 at 2 MiB, 201.2 at 4 MiB).
const (
	defaultPackSize    = 16 << 20
	defaultSegmentSize = 4 << 20
	minPackSize        = 1 << 20
	maxPackSize        = 4 << 30
	minSegmentSize     = 64 << 10
	maxSegmentSize     = 16 << 20
)

// Params returns the parameters that decide where files are cut into chunks.
func (c *Config) Params() chunk.Params {
	return chunk.Params{Polynomial: c.Polynomial, Min: c.MinChunk, Max: c.MaxChunk, Bits: c.ChunkBits, Whole: c.WholeChunk}
}

func (c *Config) setParams(p chunk.Params) {
	c.Polynomial, c.MinChunk, c.MaxChunk, c.ChunkBits, c.WholeChunk = p.Polynomial, p.Min, p.Max, p.Bits, p.Whole
}

func (c *Config) validate() error {
	switch {
	case len(c.Repository) != seal.KeySize:
		return errors.New("config: the repository id has a wrong length")
	case c.AEAD != seal.AES256GCM && c.AEAD != seal.ChaCha20Poly1305:
		return fmt.Errorf("config: %v", c.AEAD)
	case c.PackSize < minPackSize || c.PackSize > maxPackSize:
		return fmt.Errorf("config: packs of %d bytes are not within %d to %d", c.PackSize, minPackSize, maxPackSize)
	case c.SegmentSize < minSegmentSize || c.SegmentSize > maxSegmentSize || c.SegmentSize+c.MaxChunk > pack.MaxSegment:
		return fmt.Errorf("config: segments of %d bytes are not within %d to %d", c.SegmentSize, minSegmentSize, maxSegmentSize)
	}
	return c.Params().Validate()
}

// Choice has the settings of a new repository that can be chosen. Zero values are the
// defaults.
type Choice struct {
	// Chunks decides where files are cut. A zero Polynomial is a random one. A zero Max
	// means the default sizes.
	Chunks   chunk.Params
	PackSize int64
}

// New returns the config of a new repository.
func New(o Choice, id [seal.KeySize]byte, created time.Time) (*Config, error) {
	c := &Config{
		Repository: id[:], Created: created.Unix(), AEAD: seal.Preferred(),
		PackSize: defaultPackSize, SegmentSize: defaultSegmentSize,
	}
	params, err := chunk.DefaultParams()
	if err != nil {
		return nil, err
	}
	if o.Chunks.Polynomial != 0 {
		params.Polynomial = o.Chunks.Polynomial
	}
	if o.Chunks.Max != 0 {
		params.Min, params.Max, params.Bits, params.Whole = o.Chunks.Min, o.Chunks.Max, o.Chunks.Bits, o.Chunks.Whole
	}
	c.setParams(params)
	if o.PackSize != 0 {
		c.PackSize = o.PackSize
		// A segment that is compressed to half its size fits a pack.
		c.SegmentSize = int(min(defaultSegmentSize, 2*c.PackSize))
	}
	return c, c.validate()
}

func parse(b []byte) (*Config, error) {
	dec, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden,
		TagsMd: cbor.TagsForbidden, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		return nil, err
	}
	var c Config
	if err := dec.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return &c, c.validate()
}

// Marshal returns the encoded config, not sealed yet.
func (c *Config) Marshal() ([]byte, error) {
	return object.Encode(c)
}

// ID returns the repository's id as hexadecimal digits. Twins have the same.
func (c *Config) ID() string { return hex.EncodeToString(c.Repository) }

// LocalName returns the name of the repository's local directory.
func (c *Config) LocalName() string { return c.ID()[:32] + c.Twin + c.Replica }
