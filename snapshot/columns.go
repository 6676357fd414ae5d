package snapshot

import (
	"encoding/binary"
	"math"

	"github.com/qsnap/qsnap/chunk"
)

// require sets bad unless cond holds, and returns cond.
func (r *pageReader) require(cond bool) bool {
	if !cond {
		r.fail()
	}
	return cond
}

// fixed reads a byte string of n items of that size.
func (r *pageReader) fixed(n, size int, set func(i int, b []byte)) {
	b := r.bytes()
	if !r.require(len(b) == n*size) {
		return
	}
	for i := range n {
		set(i, b[i*size:(i+1)*size])
	}
}

func (r *pageReader) uints(max uint64, set func(*Entry, uint64)) {
	r.array(len(r.entries))
	for i := range r.entries {
		set(&r.entries[i], r.uint(max))
	}
}

func (r *pageReader) ints(set func(*Entry, int64)) {
	r.array(len(r.entries))
	for i := range r.entries {
		set(&r.entries[i], r.int())
	}
}

func (r *pageReader) nsecs(field func(*Entry) *Time) {
	r.fixed(len(r.entries), 4, func(i int, b []byte) {
		n := binary.BigEndian.Uint32(b)
		if r.require(n < 1e9) {
			field(&r.entries[i]).Nsec = int32(n)
		}
	})
}

// owners reads a map of ids to names. Each id must be that of an entry.
func (r *pageReader) owners(field func(*Entry) (uint32, *string)) {
	names := map[uint32]string{}
	last := int64(-1)
	for range r.count(cborMap) {
		id := r.uint(math.MaxUint32)
		name := r.bytes()
		if !r.require(int64(id) > last && len(name) > 0) {
			return
		}
		last = int64(id)
		names[uint32(id)] = string(name)
	}
	unused := len(names)
	seen := map[uint32]bool{}
	for i := range r.entries {
		id, name := field(&r.entries[i])
		*name = names[id]
		if *name != "" && !seen[id] {
			seen[id] = true
			unused--
		}
	}
	r.require(len(names) > 0 && unused == 0)
}

// each reads n items for each picked entry.
func (r *pageReader) each(n int, pick func(*Entry) bool, read func(*Entry)) {
	r.array(n * r.picked(pick))
	for i := range r.entries {
		if pick(&r.entries[i]) && !r.bad {
			read(&r.entries[i])
		}
	}
}

func (r *pageReader) picked(pick func(*Entry) bool) int {
	n := 0
	for i := range r.entries {
		n += ifTrue(pick(&r.entries[i]), 1)
	}
	return n
}

// sparse reads a map from the numbers of entries.
func (r *pageReader) sparse(read func(*Entry)) {
	n := r.count(cborMap)
	r.require(n > 0)
	last := -1
	for range n {
		i := int(r.uint(math.MaxInt32))
		if !r.require(!r.bad && i > last && i < len(r.entries)) {
			return
		}
		last = i
		read(&r.entries[i])
	}
}

func (r *pageReader) holes(e *Entry) {
	n := r.count(cborArray)
	if !r.require(e.Type == File && n > 0 && n%2 == 0) {
		return
	}
	e.Holes = make([]Hole, n/2)
	var end int64
	for i := range e.Holes {
		gap, length := int64(r.uint(math.MaxInt64)), int64(r.uint(math.MaxInt64))
		if !r.require(length > 0 && gap <= e.Size-end && length <= e.Size-end-gap) {
			return
		}
		e.Holes[i] = Hole{end + gap, length}
		end += gap + length
	}
}

func (r *pageReader) xattrs(e *Entry) {
	n := r.count(cborArray)
	if !r.require(n > 0 && n%2 == 0) {
		return
	}
	e.Xattrs = make([]Xattr, n/2)
	for i := range e.Xattrs {
		e.Xattrs[i] = Xattr{string(r.bytes()), append([]byte{}, r.bytes()...)}
		if !r.require(e.Xattrs[i].Name != "" && (i == 0 || e.Xattrs[i-1].Name < e.Xattrs[i].Name)) {
			return
		}
	}
}

// contents assigns each file its chunks.
func (r *pageReader) contents() {
	total := 0
	for _, n := range r.counts {
		total += n
		if total > len(r.b) {
			r.fail()
			return
		}
	}
	chunks := make([]Chunk, total)
	r.fixed(total, chunk.IDSize, func(i int, b []byte) { chunks[i].ID = chunk.ID(b) })
	file := 0
	for i := range r.entries {
		e := &r.entries[i]
		if e.Type != File || r.bad {
			continue
		}
		n := r.counts[file]
		file++
		if n == 0 {
			continue
		}
		e.Content, chunks = chunks[:n:n], chunks[n:]
		left := e.DataSize()
		for j := range n - 1 {
			if !r.require(len(r.lengths) > 0) {
				return
			}
			e.Content[j].Length, r.lengths = r.lengths[0], r.lengths[1:]
			left -= int64(e.Content[j].Length)
		}
		if !r.require(left > 0 && left <= math.MaxUint32) {
			return
		}
		e.Content[n-1].Length = uint32(left)
	}
	r.require(total > 0 && len(r.lengths) == 0)
}

func (r *pageReader) subtrees() {
	next := 0
	ids := r.bytes()
	if !r.require(len(ids) > 0 && len(ids) == chunk.IDSize*r.picked(hasSubtree)) {
		return
	}
	for i := range r.entries {
		if e := &r.entries[i]; hasSubtree(e) {
			e.Subtree = chunk.ID(ids[next:])
			next += chunk.IDSize
		}
	}
}
