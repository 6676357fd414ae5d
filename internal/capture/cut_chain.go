package capture

import "github.com/qsnap/qsnap/chunk"

// An end is where a chunk ends, and the chunk's id, or zero if that is unknown.
type end struct {
	at int
	id chunk.ID
}

// A cutChain finds consecutive cuts of a file: those of the cutter, except that the cuts
// of the file's older version are reused where the bytes are the same. A cut depends only
// on the bytes of its chunk. So a chunk that begins like an old one and has the same id
// ends where the old one did. Naming a chunk takes a third of the time of finding its
// end, and it must be named in any case. The older version's last chunk, which the end of
// the file cut, is reused only if the cutter would cut there, too.
//
// Where the file differs, the cutter runs until the chain meets the older version again:
// in a chunk that the older version has, or at an offset where it has a cut.
type cutChain struct {
	cutter interface {
		Cut([]byte) int
		MayEnd([]byte) bool
	}
	most        int // largest size of a chunk
	name        func([]byte) chunk.ID
	baseVersion *baseVersion

	next  int   // the number of the older version's chunk that is expected, or none
	shift int64 // offset of the file's chunks minus that of the older version's
}

// none is the number of no chunk.
const none = -1

// cut returns the length of the first chunk of buf, which is at that offset of the file,
// and its id, or zero if it was not named. The length is 0 if more bytes are needed to
// know it: then buf has fewer bytes than a chunk may have, and does not end the file.
func (c *cutChain) cut(buf []byte, offset int64, endsFile bool) (n int, id chunk.ID) {
	old, expected := c.baseVersion.chunk(c.next)
	tried := int(old.Length)
	if expected && tried <= c.most {
		if tried > len(buf) && !endsFile {
			return 0, id
		}
		if tried <= len(buf) {
			id = c.name(buf[:tried])
			if id == old.ID && c.cutter.MayEnd(buf[:tried]) {
				c.resync(c.next, offset-old.Offset)
				return tried, id
			}
		}
	}
	c.next = none
	if n = c.cutter.Cut(buf); n == len(buf) && n < c.most && !endsFile {
		return 0, chunk.ID{}
	}
	if c.baseVersion == nil {
		return n, id
	}
	if n != tried || id.IsZero() {
		id = c.name(buf[:n])
	}
	if i, ok := c.baseVersion.named(id); ok {
		if old, ok := c.baseVersion.chunk(i); ok {
			c.resync(i, offset-old.Offset)
		}
	} else if i, ok := c.baseVersion.beginning(offset + int64(n) - c.shift); ok {
		c.next = i
	}
	return n, id
}

// resync records that the file has a chunk of the older version, and expects the one
// after it next.
func (c *cutChain) resync(number int, shift int64) {
	if c.next = number + 1; shift != c.shift {
		c.shift = shift
		c.baseVersion.met(shift)
	}
}
