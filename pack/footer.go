package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
)

var errFooter = errors.New("footer: malformed")

// AppendFooter appends the plain footer of the pack's segments and blobs, which are in
// order.
func (i *Info) AppendFooter(b []byte) []byte {
	b = slices.Grow(b, 12*(len(i.Segments)+2)+(chunk.IDSize+4)*len(i.Blobs)) // approximately
	b = binary.AppendUvarint(b, uint64(len(i.Segments)))
	for _, s := range i.Segments {
		b = binary.AppendUvarint(b, uint64(s.Codec))
		b = binary.AppendUvarint(b, uint64(s.Stored))
		b = binary.AppendUvarint(b, uint64(s.Plain))
	}
	b = binary.AppendUvarint(b, uint64(len(i.Blobs)))
	var segment uint32
	for _, blob := range i.Blobs {
		b = append(b, blob.ID[:]...)
		b = binary.AppendUvarint(b, uint64(blob.Segment-segment))
		b = binary.AppendUvarint(b, uint64(blob.Length))
		segment = blob.Segment
	}
	return b
}

// ParseFooter sets the segments and blobs from a plain footer and returns the bytes after
// it.
func (i *Info) ParseFooter(b []byte) (rest []byte, err error) {
	p := footerParser{b: b}
	i.Segments = p.segments()
	i.Blobs = p.blobs(i.Segments)
	if p.bad {
		i.Segments, i.Blobs = nil, nil
		return nil, errFooter
	}
	return p.b, nil
}

// footerParser sets bad at the first invalid item, and never clears it.
type footerParser struct {
	b   []byte
	bad bool
}

func (p *footerParser) number(max uint64) uint64 {
	v, n := binary.Uvarint(p.b)
	if n <= 0 || v > max {
		p.bad = true
		return 0
	}
	p.b = p.b[n:]
	return v
}

func (p *footerParser) segments() []Segment {
	const least = 3 // bytes a segment takes in the footer
	count := p.number(uint64(len(p.b) / least))
	out := make([]Segment, 0, count)
	offset := int64(seal.HeaderSize)
	for range count {
		s := Segment{Offset: offset}
		s.Codec = Codec(p.number(255))
		s.Stored = int(p.number(MaxSegment))
		s.Plain = int(p.number(MaxSegment))
		if p.bad || s.Stored < seal.Overhead {
			p.bad = true
			return nil
		}
		offset += int64(s.Stored)
		out = append(out, s)
	}
	return out
}

func (p *footerParser) blobs(segments []Segment) []Blob {
	const least = chunk.IDSize + 2
	count := p.number(uint64(len(p.b) / least))
	out := make([]Blob, 0, count)
	var at Blob
	for range count {
		if len(p.b) < chunk.IDSize {
			p.bad = true
			return nil
		}
		at.ID = chunk.ID(p.b)
		p.b = p.b[chunk.IDSize:]
		if advance := p.number(MaxSegment); advance > 0 {
			at.Segment += uint32(advance)
			at.Offset = 0
		} else {
			at.Offset += at.Length
		}
		at.Length = uint32(p.number(MaxSegment))
		if p.bad || int(at.Segment) >= len(segments) || int(at.Offset)+int(at.Length) > segments[at.Segment].Plain {
			p.bad = true
			return nil
		}
		out = append(out, at)
	}
	return out
}

// trailer is the fixed end of a pack.
const (
	trailerSize  = 32
	trailerMagic = "qsnapend"
	footerPart   = 1<<64 - 1 // ordinal of the footer
)

func appendTrailer(b, sealedFooter []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(sealedFooter)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	sum := hash(sealedFooter)
	b = append(b, sum[:16]...)
	return append(b, trailerMagic...)
}

func parseTrailer(b []byte) (footerSize int, sum [16]byte, err error) {
	if string(b[24:32]) != trailerMagic || binary.LittleEndian.Uint32(b[4:]) != 0 {
		return 0, sum, errors.New("trailer: not the end of a pack")
	}
	n := binary.LittleEndian.Uint32(b)
	if n < seal.Overhead || n > 1<<30 {
		return 0, sum, fmt.Errorf("trailer: impossible footer size of %d bytes", n)
	}
	copy(sum[:], b[8:])
	return int(n), sum, nil
}
