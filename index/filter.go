package index

import (
	"encoding/binary"
	"slices"

	"github.com/qsnap/qsnap/chunk"
)

// A filter rules out most blobs that a group doesn't have, with a single access to
// memory: an index that has grown over many runs has several tables. It is a blocked
// Bloom filter (Putze, Sanders and Singler, "Cache-, hash- and space-efficient bloom
// filters", 2007): blocks in which bits are set. Ids are hashes, so the bytes after their
// first 8 serve as the filter's hashes.
type filter []byte

const (
	filterBlock = 64 // bytes: one cache line
	filterBits  = 10 // bits per blob: one in a hundred absent blobs passes
	filterTries = 5  // bits set for each blob
)

// filterSize returns the size in bytes of a filter for that many blobs.
func filterSize(blobs int) int { return (blobs*filterBits/8/filterBlock + 1) * filterBlock }

// spot returns the block of a blob, and nine bits for each of the bits that it sets
// there. rest is the id without its first 8 bytes.
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
