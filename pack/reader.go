package pack

import (
	"errors"
	"fmt"
	"io"

	"github.com/qsnap/qsnap/internal/seal"
)

// tailSize is how many bytes of a pack's end are read first. Most footers fit.
const tailSize = 64 << 10

// ReadInfo reads the description of a pack of that id and size from its header and its
// footer, in two or three reads. It doesn't read the segments. Any damage is a
// *DamageError. Errors of r are not, and neither is seal.ErrNoKey, which a damaged header
// can also cause.
func ReadInfo(sealer *seal.Sealer, id ID, size int64, r io.ReaderAt) (*Info, error) {
	damaged := func(part string, err error) error { return &DamageError{id, part, err} }
	if size < seal.HeaderSize+seal.Overhead+trailerSize || size > MaxSize {
		return nil, damaged("", fmt.Errorf("a pack can't have %d bytes", size))
	}
	info := &Info{ID: id, Size: size}
	head := make([]byte, seal.HeaderSize)
	if err := readFull(r, head, 0); err != nil {
		return nil, err
	}
	var err error
	if info.Header, err = seal.ParseHeader(head); err != nil {
		return nil, damaged("header", err)
	}
	if k := info.Header.Kind(); k != seal.DataPack && k != seal.TreePack {
		return nil, damaged("header", fmt.Errorf("the object is a %v", k))
	}
	tail := make([]byte, min(size-seal.HeaderSize, tailSize))
	if err := readFull(r, tail, size-int64(len(tail))); err != nil {
		return nil, err
	}
	footerSize, sum, err := parseTrailer(tail[len(tail)-trailerSize:])
	if err != nil {
		return nil, damaged("", err)
	}
	start := size - trailerSize - int64(footerSize)
	if start < seal.HeaderSize {
		return nil, damaged("trailer", errors.New("the footer is longer than the pack"))
	}
	if footerSize+trailerSize > len(tail) {
		tail = make([]byte, footerSize+trailerSize)
		if err := readFull(r, tail, start); err != nil {
			return nil, err
		}
	}
	sealed := tail[len(tail)-trailerSize-footerSize : len(tail)-trailerSize]
	if got := hash(sealed); [16]byte(got[:16]) != sum {
		return nil, damaged("footer", errors.New("checksum mismatch"))
	}
	cipher, err := sealer.Cipher(info.Header)
	if errors.Is(err, seal.ErrNoKey) {
		return nil, fmt.Errorf("pack %s: %w", id.Short(), err)
	}
	if err != nil {
		return nil, damaged("header", err)
	}
	footer, err := cipher.Open(nil, sealed, footerPart)
	if err != nil {
		return nil, damaged("footer", err)
	}
	if rest, err := info.ParseFooter(footer); err != nil || len(rest) > 0 {
		return nil, damaged("footer", errFooter)
	}
	if n := len(info.Segments); n > 0 {
		if last := info.Segments[n-1]; last.Offset+int64(last.Stored) != start {
			return nil, damaged("footer", errors.New("the segments do not fill the pack"))
		}
	}
	return info, nil
}

func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
