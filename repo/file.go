package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/snapshot"
)

// openFile reads a file of a snapshot. It implements fs.File, io.Seeker,
// io.ReaderAt and io.WriterTo.
type openFile struct {
	e    *engine.Engine
	ctx  context.Context
	info entryInfo
	path string

	mu sync.Mutex
	at int64

	lastMu sync.Mutex
	last   stretch // what was read last, for those who read little at a time
}

// A stretch is some bytes of a file.
type stretch struct {
	at   int64
	data []byte
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

func (f *openFile) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.path, Err: err}
}

// Read is part of fs.File.
func (f *openFile) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Seek is io.Seeker.
func (f *openFile) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.info.e.Size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return f.at, f.fail("seek", fs.ErrInvalid)
	}
	f.at = offset
	return offset, nil
}

// ReadAt is io.ReaderAt.
func (f *openFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.fail("read", fs.ErrInvalid)
	}
	n := 0
	if e := f.info.e; off < e.Size {
		n = copy(p[:min(int64(len(p)), e.Size-off)], f.remembered(off))
	}
	if n == len(p) {
		return n, nil
	}
	more, err := readAt(f.ctx, f.e.Blobs, f.info.e, p[n:], off+int64(n), f.remember)
	if err != nil && err != io.EOF {
		err = f.fail("read", err)
	}
	return n + more, err
}

func (f *openFile) remember(s stretch) {
	f.lastMu.Lock()
	defer f.lastMu.Unlock()
	f.last = s
}

// remembered returns the bytes from an offset on that were read last.
func (f *openFile) remembered(off int64) []byte {
	f.lastMu.Lock()
	defer f.lastMu.Unlock()
	if at := off - f.last.at; at >= 0 && at < int64(len(f.last.data)) {
		return f.last.data[at:]
	}
	return nil
}

// WriteTo is io.WriterTo.
func (f *openFile) WriteTo(w io.Writer) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var n int64
	err := readChunks(f.ctx, f.e.Blobs, f.info.e, f.at, func(data []byte) error {
		k, err := w.Write(data)
		n += int64(k)
		return err
	})
	f.at += n
	return n, err
}

func copyFile(ctx context.Context, blobs *blob.Reader, w io.Writer, e *snapshot.Entry) error {
	if e.Type != snapshot.File {
		return fmt.Errorf("%s is a %v, not a file", e.Name, e.Type)
	}
	if e.Problem != "" {
		return notCaptured(e)
	}
	return readChunks(ctx, blobs, e, 0, func(data []byte) error {
		_, err := w.Write(data)
		return err
	})
}

func readAtPath(ctx context.Context, blobs *blob.Reader, e *snapshot.Entry, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	if e.Problem != "" {
		return 0, notCaptured(e)
	}
	return readAt(ctx, blobs, e, p, off, func(stretch) {})
}

// readAt also tells of each stretch of the file that it comes by.
func readAt(ctx context.Context, blobs *blob.Reader, e *snapshot.Entry, p []byte, off int64, seen func(stretch)) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if off >= e.Size || e.Type != snapshot.File {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), e.Size-off)]
	n := 0
	err := readChunks(ctx, blobs, e, off, func(data []byte) error {
		seen(stretch{off + int64(n), data})
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

// notCaptured says why what an entry stands for isn't in the snapshot.
func notCaptured(e *snapshot.Entry) error {
	return errors.New("not in the snapshot: when that was made: " + e.Problem)
}

var errEnough = errors.New("enough")

// readChunks calls f with the bytes of a file from an offset on, piece by piece,
// holes as zeros, and returns the first error of it.
func readChunks(ctx context.Context, blobs *blob.Reader, e *snapshot.Entry, off int64, f func([]byte) error) error {
	if e.Type != snapshot.File || off >= e.Size {
		return nil
	}
	// data is the offset without the holes before it.
	data, holes := off, e.Holes
	for len(holes) > 0 && holes[0].Offset <= off {
		passed := min(holes[0].Length, off-holes[0].Offset)
		data -= passed
		if passed < holes[0].Length {
			break
		}
		holes = holes[1:]
	}
	c := contentReader{at: off, holes: holes, f: f}
	if err := c.holesHere(); err != nil {
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
			return errors.New("a chunk has not the length that its file says")
		}
		if chunk.Offset < data {
			b = b[data-chunk.Offset:]
		}
		if err := c.data(b); err != nil {
			return err
		}
	}
	return c.hole(e.Size)
}

// A contentReader puts holes between pieces of data.
type contentReader struct {
	at    int64
	holes []snapshot.Hole // from the one that at is in or before
	f     func([]byte) error
}

func (c *contentReader) data(b []byte) error {
	for len(b) > 0 {
		n := int64(len(b))
		if len(c.holes) > 0 {
			n = min(n, c.holes[0].Offset-c.at)
		}
		if err := c.f(b[:n]); err != nil {
			return err
		}
		c.at += n
		b = b[n:]
		if err := c.holesHere(); err != nil {
			return err
		}
	}
	return nil
}

// holesHere yields the holes that have been come to, before the chunk behind them is
// read: it may not be needed.
func (c *contentReader) holesHere() error {
	for len(c.holes) > 0 && c.at >= c.holes[0].Offset {
		if err := c.hole(c.holes[0].Offset + c.holes[0].Length); err != nil {
			return err
		}
		c.holes = c.holes[1:]
	}
	return nil
}

var zeros [64 << 10]byte

// hole yields zeros up to an offset.
func (c *contentReader) hole(until int64) error {
	for c.at < until {
		n := min(until-c.at, int64(len(zeros)))
		if err := c.f(zeros[:n]); err != nil {
			return err
		}
		c.at += n
	}
	return nil
}
