package snapshot

import (
	"encoding/binary"
	"math"

	"github.com/qsnap/qsnap/chunk"
)

// Pages of trees are read and written by the million, so this code avoids reflection. It
// supports as much of CBOR (RFC 8949) as pages need, in core deterministic encoding only
// (section 4.2.1). Anything else is an error.

// Major types.
const (
	cborUint  = 0 << 5
	cborNeg   = 1 << 5
	cborBytes = 2 << 5
	cborText  = 3 << 5
	cborArray = 4 << 5
	cborMap   = 5 << 5
)

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendInt(b []byte, v int64) []byte {
	if v < 0 {
		return appendHead(b, cborNeg, uint64(^v))
	}
	return appendHead(b, cborUint, uint64(v))
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(appendHead(b, cborBytes, uint64(len(s))), s...)
}

const errPage malformed = "tree page: malformed"

// A malformed error says what is wrong with bytes that are as they were stored but can't
// be read. That is damage, too.
type malformed string

func (m malformed) Error() string { return string(m) }

// Is reports whether target is chunk.ErrDamaged.
func (malformed) Is(target error) bool { return target == chunk.ErrDamaged }

// A reader reads items from the front of b. The first invalid item makes it bad for good,
// and it then returns zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.b, r.bad = nil, true }

func (r *reader) head(major byte) uint64 {
	if len(r.b) == 0 || r.b[0]&0xe0 != major {
		r.fail()
		return 0
	}
	info := r.b[0] & 0x1f
	if info < 24 {
		r.b = r.b[1:]
		return uint64(info)
	}
	size := 1 << (info - 24)
	if info > 27 || len(r.b) < 1+size {
		r.fail()
		return 0
	}
	var n, least uint64 // a longer form than necessary is invalid in deterministic encoding
	switch size {
	case 1:
		n, least = uint64(r.b[1]), 24
	case 2:
		n, least = uint64(binary.BigEndian.Uint16(r.b[1:])), 1<<8
	case 4:
		n, least = uint64(binary.BigEndian.Uint32(r.b[1:])), 1<<16
	case 8:
		n, least = binary.BigEndian.Uint64(r.b[1:]), 1<<32
	}
	if n < least {
		r.fail()
		return 0
	}
	r.b = r.b[1+size:]
	return n
}

// uint reads an unsigned number up to max.
func (r *reader) uint(max uint64) uint64 {
	n := r.head(cborUint)
	if n > max {
		r.fail()
		return 0
	}
	return n
}

func (r *reader) int() int64 {
	if len(r.b) > 0 && r.b[0]&0xe0 == cborNeg {
		n := r.head(cborNeg)
		if n > math.MaxInt64 {
			r.fail()
			return 0
		}
		return ^int64(n)
	}
	return int64(r.uint(math.MaxInt64))
}

func (r *reader) string(major byte) []byte {
	n := r.head(major)
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

func (r *reader) bytes() []byte { return r.string(cborBytes) }

// count reads the length of an array or map whose items take at least one byte each.
func (r *reader) count(major byte) int {
	n := r.head(major)
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

// array fails unless an array of exactly n items follows.
func (r *reader) array(n int) {
	if r.head(cborArray) != uint64(n) {
		r.fail()
	}
}
