// Package pack defines packs, the objects that hold a repository's blobs.
//
// # Layout
//
// A pack is a sequence of segments. A segment is compressed and sealed as a unit. It
// holds the chunks of neighbouring files, one after another, up to a MiB or two, or a
// single large chunk. A pack is written front to back and never changed. It is named by
// the unkeyed BLAKE3-256 hash of its bytes, so that anyone can check it without a key.
//
//	header    48 bytes   of a sealed object (package seal), kind 'D' or 'T'
//	segment 0            sealed part 0
//	segment 1            sealed part 1
//	…
//	footer               sealed part 2⁶⁴−1
//	trailer   32 bytes   4  length of the sealed footer, little-endian
//	                     4  zero
//	                     16 first bytes of the BLAKE3 hash of the sealed footer
//	                     8  "qsnapend"
//
// Packs of kind 'D' hold file data, those of kind 'T' trees. Numbers in the footer are
// unsigned varints as of encoding/binary:
//
//	number of segments
//	for each segment:
//	    codec     0 raw, 1 zstd (RFC 8878); 2 is reserved for zstd with a chunk
//	              of an earlier version as dictionary
//	    stored    bytes in the pack, with the 16 of sealing
//	    plain     bytes once opened and decompressed
//	number of blobs
//	for each blob, in the order of their places in the segments:
//	    id        32 bytes
//	    advance   its segment number minus that of the blob before it (for the
//	              first blob: its segment number)
//	    length    bytes
//
// A segment begins where the one before it ends. A blob begins where the blob before it
// in the same segment ends. Bytes of a segment that belong to no blob are padding.
//
// The footer holds everything there is to know about a pack, so an index can always be
// rebuilt from packs alone.
package pack

import (
	"encoding/hex"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
)

// An ID names a pack: the BLAKE3-256 hash of its bytes.
type ID [32]byte

// String returns the ID as 64 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 8 hexadecimal digits, for people.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// ParseID parses 64 lower-case hexadecimal digits.
func ParseID(s string) (ID, error) {
	id, err := chunk.ParseID(s)
	return ID(id), err
}

// A Codec says how a segment is compressed.
type Codec byte

// The codecs of segments.
const (
	Raw  Codec = 0
	Zstd Codec = 1
)

// Limits that a reader enforces, so that a damaged or forged footer can't make it
// allocate more memory than the machine has.
const (
	MaxSegment = 64 << 20 // bytes of a segment, stored or plain
	MaxSize    = 64 << 30 // bytes of a pack
)

// A Segment is a range of a pack that is compressed and sealed as a unit.
type Segment struct {
	Offset int64 // in the pack
	Stored int   // bytes in the pack
	Plain  int   // bytes once opened and decompressed
	Codec  Codec
}

// A Blob is a chunk or a page of a tree inside a segment.
type Blob struct {
	ID      chunk.ID
	Segment uint32 // its number in the pack, from 0
	Offset  uint32 // in the plain segment
	Length  uint32
}

// Info describes a pack without its contents.
type Info struct {
	ID       ID
	Size     int64
	Header   seal.Header
	Segments []Segment
	Blobs    []Blob
}

// IsTree reports whether the pack holds trees rather than file data.
func (i *Info) IsTree() bool { return i.Header.Kind() == seal.TreePack }

// A DamageError names a damaged pack, or the damaged part of one.
type DamageError struct {
	Pack ID
	Part string // such as "segment 7"; empty for the whole pack
	Err  error
}

// Error names the pack, the part and the cause.
func (e *DamageError) Error() string {
	if e.Part == "" {
		return fmt.Sprintf("pack %s: %v", e.Pack.Short(), e.Err)
	}
	return fmt.Sprintf("pack %s: %s: %v", e.Pack.Short(), e.Part, e.Err)
}

// Unwrap returns the cause.
func (e *DamageError) Unwrap() error { return e.Err }

// Is reports whether target is chunk.ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == chunk.ErrDamaged }
