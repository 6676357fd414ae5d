package index

import (
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// An ID names a delta: the BLAKE3-256 hash of the sealed object.
type ID [32]byte

// String returns the ID as 64 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID parses 64 lower-case hexadecimal digits.
func ParseID(s string) (ID, error) {
	id, err := chunk.ParseID(s)
	return ID(id), err
}

// A Delta lists packs and the blobs in them. It covers the packs of one run, or replaces
// several older deltas. Before it is sealed, it is
//
//	number of packs                      unsigned varint
//	for each pack:
//	    id                               32 bytes
//	    header                           48 bytes, as the pack begins
//	    size                             unsigned varint
//	    length of the footer             unsigned varint
//	    footer, plain                    see package pack
type Delta []*pack.Info

var errDelta = errors.New("index delta: malformed")

// Append appends the plain delta to b.
func (d Delta) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(d)))
	for _, p := range d {
		footer := p.AppendFooter(nil)
		b = appendDescription(b, p)
		b = binary.AppendUvarint(b, uint64(len(footer)))
		b = append(b, footer...)
	}
	return b
}

// ParseDelta parses a plain delta.
func ParseDelta(b []byte) (Delta, error) {
	const least = 32 + seal.HeaderSize + 4 // the fewest bytes that a pack takes
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)/least) {
		return nil, errDelta
	}
	b = b[n:]
	d := make(Delta, 0, count)
	for range count {
		p, rest, ok := parseDescription(b)
		if !ok {
			return nil, errDelta
		}
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return nil, errDelta
		}
		footer := rest[n : n+int(size)]
		if left, err := p.ParseFooter(footer); err != nil || len(left) > 0 {
			return nil, errDelta
		}
		d = append(d, p)
		b = rest[n+int(size):]
	}
	if len(b) > 0 {
		return nil, errDelta
	}
	return d, nil
}

// appendDescription appends the id, header and size of a pack.
func appendDescription(b []byte, p *pack.Info) []byte {
	b = append(b, p.ID[:]...)
	b = append(b, p.Header[:]...)
	return binary.AppendUvarint(b, uint64(p.Size))
}

func parseDescription(b []byte) (p *pack.Info, rest []byte, ok bool) {
	if len(b) < 32+seal.HeaderSize {
		return nil, nil, false
	}
	p = &pack.Info{ID: pack.ID(b)}
	var err error
	if p.Header, err = seal.ParseHeader(b[32:]); err != nil {
		return nil, nil, false
	}
	b = b[32+seal.HeaderSize:]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > pack.MaxSize {
		return nil, nil, false
	}
	p.Size = int64(size)
	return p, b[n:], true
}
