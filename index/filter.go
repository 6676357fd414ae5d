package index

import (
	"encoding/binary"
	"slices"

	"github.com/qsnap/qsnap/chunk"
)

// A filter says of most blobs that a group doesn't have that it doesn't, for a single
// access to memory: an index that has grown over many sessions has several tables. It
// is a blocked Bloom filter (Putze, Sanders and Singler, "Cache-, hash- and
// space-efficient bloom filters", 2007): blocks in which bits are set. As ids are
// hashes, parts of them serve for the hashes: of what follows the first 8 bytes.
type filter []byte

const (
	filterBlock = 64 // bytes, a line of the processor's cache
	filterBits  = 10 // of a blob: one in a hundred of those that aren't there passes
	filterTries = 5  // bits that a blob sets
)

// filterSize returns the size of a filter for so many blobs.
func filterSize(blobs int) int { return (blobs*filterBits/8/filterBlock + 1) * filterBlock }

// spot returns the block of a blob, and the bits that say which it sets there, nine for
// each. It is told what follows the first 8 bytes of the id.
func (f filter) spot(rest []byte) (block []byte, bits uint64) {
	n := uint64(len(f) / filterBlock)
	at := uint64(binary.BigEndian.Uint32(rest)) * n >> 32
	return f[at*filterBlock:][:filterBlock], binary.BigEndian.Uint64(rest[8:])
}

// appendFilter appends the filter of a group's entries.
func appendFilter(b, rests []byte) []byte {
	size := filterSize(len(rests) / restSize)
	b = slices.Grow(b, size)[:len(b)+size]
	f := filter(b[len(b)-size:])
	clear(f)
	for ; len(rests) > 0; rests = rests[restSize:] {
		block, bits := f.spot(rests)
		for range filterTries {
			block[bits>>3&(filterBlock-1)] |= 1 << (bits & 7)
			bits >>= 9
		}
	}
	return b
}

// mayHave reports whether the group may have a blob.
func (f filter) mayHave(id *chunk.ID) bool {
	block, bits := f.spot(id[startSize:])
	for range filterTries {
		if block[bits>>3&(filterBlock-1)]&(1<<(bits&7)) == 0 {
			return false
		}
		bits >>= 9
	}
	return true
}
