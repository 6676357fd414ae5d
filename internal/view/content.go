package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/snapshot"
)

// WriteTo writes the content of a file, holes as zeros.
func WriteTo(ctx context.Context, blobs *blob.Reader, w io.Writer, e *snapshot.Entry) error {
	if e.Type != snapshot.File {
		return fmt.Errorf("%s is a %v, not a file", cmp.Or(e.Name, "the root"), e.Type)
	}
	if e.Problem != "" {
		return notCaptured(e)
	}
	return readContent(ctx, blobs, e, 0, func(data []byte) error {
		_, err := w.Write(data)
		return err
	})
}

// ReadAt reads a file from an offset on, holes as zeros, as io.ReaderAt does. It reads the
// chunks that hold the bytes, and no others.
func ReadAt(ctx context.Context, blobs *blob.Reader, e *snapshot.Entry, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	if e.Problem != "" {
		return 0, notCaptured(e)
	}
	return readAt(ctx, blobs, e, p, off, func(piece) {})
}

// A piece is some consecutive bytes of a file.
type piece struct {
	offset int64
	data   []byte
}

// readAt is ReadAt without its checks. It passes every piece of the file that it reads to
// seen, with the bytes that were not asked for.
func readAt(ctx context.Context, blobs *blob.Reader, e *snapshot.Entry, p []byte, off int64, seen func(piece)) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if off >= e.Size || e.Type != snapshot.File {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), e.Size-off)]
	n := 0
	err := readContent(ctx, blobs, e, off, func(data []byte) error {
		seen(piece{off + int64(n), data})
		n += copy(want[n:], data)
		if n == len(want) {
			return errEnough
		}
		return nil
	})
	switch {
	case err != nil && err != errEnough:
		return n, err
	case n < len(p):
		return n, io.EOF
	}
	return n, nil
}

// errEnough ends readContent early.
var errEnough = errors.New("enough")

// readContent calls f with the bytes of a file from an offset on, piece by piece, holes as
// zeros, and returns the first error of f.
func readContent(ctx context.Context, blobs *blob.Reader, e *snapshot.Entry, off int64, f func([]byte) error) error {
	if e.Type != snapshot.File || off >= e.Size {
		return nil
	}
	data, holes := dataOffset(e, off)
	c := contentReader{offset: off, holes: holes, f: f}
	if err := c.reachedHoles(); err != nil {
		return err
	}
	for chunk, err := range snapshot.Chunks(ctx, blobs, e, data) {
		if err != nil {
			return err
		}
		b, err := blobs.Blob(ctx, chunk.ID, false)
		if err != nil {
			return err
		}
		if len(b) != int(chunk.Length) {
			return errors.New("the length of a chunk differs from what its file says")
		}
		if chunk.Offset < data {
			b = b[data-chunk.Offset:]
		}
		if err := c.data(b); err != nil {
			return err
		}
	}
	return c.zeros(e.Size)
}

// dataOffset returns an offset in a file without counting the holes before it, and the holes
// from that offset on.
func dataOffset(e *snapshot.Entry, off int64) (data int64, holes []snapshot.Hole) {
	data, holes = off, e.Holes
	for len(holes) > 0 && holes[0].Offset <= off {
		before := min(holes[0].Length, off-holes[0].Offset)
		data -= before
		if before < holes[0].Length {
			break
		}
		holes = holes[1:]
	}
	return data, holes
}

// A contentReader passes the content of a file to f: the data, with zeros for the holes
// between them.
type contentReader struct {
	offset int64           // of the next byte
	holes  []snapshot.Hole // that end behind the offset
	f      func([]byte) error
}

// data passes some data, and the holes in them and right behind them.
func (c *contentReader) data(b []byte) error {
	for len(b) > 0 {
		n := int64(len(b))
		if len(c.holes) > 0 {
			n = min(n, c.holes[0].Offset-c.offset)
		}
		if err := c.f(b[:n]); err != nil {
			return err
		}
		c.offset += n
		b = b[n:]
		if err := c.reachedHoles(); err != nil {
			return err
		}
	}
	return nil
}

// reachedHoles passes the holes at the offset, before the chunk behind them is read: it may
// not be needed.
func (c *contentReader) reachedHoles() error {
	for len(c.holes) > 0 && c.offset >= c.holes[0].Offset {
		if err := c.zeros(c.holes[0].Offset + c.holes[0].Length); err != nil {
			return err
		}
		c.holes = c.holes[1:]
	}
	return nil
}

var zeros [64 << 10]byte

// zeros passes zeros up to an offset.
func (c *contentReader) zeros(end int64) error {
	for c.offset < end {
		n := min(end-c.offset, int64(len(zeros)))
		if err := c.f(zeros[:n]); err != nil {
			return err
		}
		c.offset += n
	}
	return nil
}
