package index

import (
	"bytes"
	"encoding/binary"
	"sort"

	"github.com/qsnap/qsnap/chunk"
)

// A filter says of most blobs that a table doesn't have that it doesn't, for a single
// access to memory: an index that has grown over many sessions has several tables. It
// is a blocked Bloom filter (Putze, Sanders and Singler, "Cache-, hash- and
// space-efficient bloom filters", 2007). Its blocks are those of a stretch of the
// table's blobs, stored under the last id; as ids are hashes, parts of them serve for
// the hashes.
type filter struct {
	ends   [][]byte // the last ids of the stretches
	blocks [][]byte
}

const (
	filterBlock = 64 // bytes, a line of the processor's cache
	filterBits  = 10 // of a blob: one in a hundred of those that aren't there passes
	filterTries = 5  // bits that a blob sets
)

// filterSpot returns the block of a blob, and the bits that say which it sets there,
// nine for each.
func filterSpot(blocks []byte, id []byte) (block []byte, bits uint64) {
	n := uint64(len(blocks) / filterBlock)
	at := uint64(binary.BigEndian.Uint32(id[8:])) * n >> 32
	return blocks[at*filterBlock:][:filterBlock], binary.BigEndian.Uint64(id[16:])
}

// filterBlocks returns the blocks of a stretch of ids.
func filterBlocks(ids []byte) []byte {
	n := len(ids) / chunk.IDSize
	blocks := make([]byte, (n*filterBits/8/filterBlock+1)*filterBlock)
	for ; len(ids) > 0; ids = ids[chunk.IDSize:] {
		block, bits := filterSpot(blocks, ids)
		for range filterTries {
			block[bits>>3&(filterBlock-1)] |= 1 << (bits & 7)
			bits >>= 9
		}
	}
	return blocks
}

// add adds a stretch, which comes behind all others.
func (f *filter) add(end, blocks []byte) error {
	if len(end) != chunk.IDSize || len(blocks) == 0 || len(blocks)%filterBlock != 0 {
		return errTable
	}
	f.ends = append(f.ends, bytes.Clone(end))
	f.blocks = append(f.blocks, blocks)
	return nil
}

// mayHave reports whether the table may have a blob.
func (f *filter) mayHave(id *chunk.ID) bool {
	i := sort.Search(len(f.ends), func(i int) bool { return bytes.Compare(f.ends[i], id[:]) >= 0 })
	if i == len(f.ends) {
		return false
	}
	block, bits := filterSpot(f.blocks[i], id[:])
	for range filterTries {
		if block[bits>>3&(filterBlock-1)]&(1<<(bits&7)) == 0 {
			return false
		}
		bits >>= 9
	}
	return true
}
