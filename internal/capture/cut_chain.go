package capture

import "github.com/qsnap/qsnap/chunk"

// An end is where a chunk ends, and its id unless that is zero.
type end struct {
	at int
	id chunk.ID
}

// A chain is cuts of a file, one after another: where the cutter would cut, but the
// cuts of the file's older version are taken for granted where the bytes are the same.
// As a cut depends on nothing but the bytes of its chunk, a chunk that begins like an
// old one and has its id ends where that one did. Naming a chunk takes a third of the
// time of looking for its end, and it has to be named in any case. The older version's
// last chunk, which the end of the file cut, is taken only if a cut stands there, too.
//
// Where the file differs, the cutter runs until the chain meets the older version
// again: in a chunk that it has, or a cut at an offset where it has one.
type chain struct {
	cutter interface {
		Cut([]byte) int
		MayEnd([]byte) bool
	}
	most  int // bytes of a chunk
	name  func([]byte) chunk.ID
	older *older

	next  int   // the older version's chunk that is expected, or none
	shift int64 // how much further the file's chunks lie than the older version's
}

// none is the number of no chunk.
const none = -1

// cut returns the length of the first chunk of buf, which lies at that offset of the
// file, and its id, or zero if it wasn't named. The length is 0 if more has to be read
// to know it: fewer bytes than a chunk may have are left then, and buf doesn't end the
// file.
func (c *chain) cut(buf []byte, offset int64, endsFile bool) (n int, id chunk.ID) {
	old, expected := c.older.chunk(c.next)
	tried := int(old.Length)
	if expected && tried <= c.most {
		if tried > len(buf) && !endsFile {
			return 0, id
		}
		if tried <= len(buf) {
			id = c.name(buf[:tried])
			if id == old.ID && c.cutter.MayEnd(buf[:tried]) {
				c.meet(c.next, offset-old.Offset)
				return tried, id
			}
		}
	}
	c.next = none
	if n = c.cutter.Cut(buf); n == len(buf) && n < c.most && !endsFile {
		return 0, chunk.ID{}
	}
	if c.older == nil {
		return n, id
	}
	if n != tried || id.IsZero() {
		id = c.name(buf[:n])
	}
	if i, ok := c.older.named(id); ok {
		if old, ok := c.older.chunk(i); ok {
			c.meet(i, offset-old.Offset)
		}
	} else if i, ok := c.older.beginning(offset + int64(n) - c.shift); ok {
		c.next = i
	}
	return n, id
}

// meet says that the file has a chunk of the older version, and before what follows
// that one.
func (c *chain) meet(number int, shift int64) {
	if c.next = number + 1; shift != c.shift {
		c.shift = shift
		c.older.met(shift)
	}
}
