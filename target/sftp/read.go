package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/pkg/sftp"
)

// piece is how much of an object is read at once, in packets of 32 KiB that are all
// requested together as far as SSH's window of 2 MiB allows.
const piece = 4 << 20

// Get implements target.Target.
func (t *Target) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	file, err := t.path(name)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, t: t, name: name, file: file, off: off, left: n}
	err = t.do(ctx, "get", name, func(c *conn) error {
		f, err := c.open(file)
		if err != nil {
			return t.absent(c, file, err)
		}
		defer f.Close()
		if off < 0 || n <= 0 {
			info, err := c.statOpen(f)
			if err != nil {
				return err
			}
			if off < 0 || off > info.Size() {
				return beyond(off, n, info.Size())
			}
			if n < 0 {
				r.left = info.Size() - off
			}
		}
		r.buf = make([]byte, min(r.left, piece))
		return c.readAt(f, r.buf, off)
	})
	if err != nil {
		return nil, err
	}
	r.off += int64(len(r.buf))
	return r, nil
}

// A reader reads a range of an object piece by piece, each on a connection of its own: an
// object doesn't change in between.
type reader struct {
	ctx        context.Context
	t          *Target
	name, file string
	off        int64  // offset of the next byte to read from the server
	left       int64  // bytes that the caller has not read yet
	buf        []byte // bytes read from the server but not by the caller
	err        error
}

func (r *reader) Read(p []byte) (int, error) {
	if r.err == nil && r.left > 0 {
		r.err = r.ctx.Err()
	}
	switch {
	case r.err != nil:
		return 0, r.err
	case r.left == 0:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	if len(r.buf) == 0 {
		next := min(r.left, piece)
		if int64(len(p)) >= next {
			if r.err = r.fetch(p[:next]); r.err != nil {
				return 0, r.err
			}
			r.left -= next
			return int(next), nil
		}
		r.buf = make([]byte, next)
		if r.err = r.fetch(r.buf); r.err != nil {
			return 0, r.err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	r.left -= int64(n)
	return n, nil
}

// fetch reads the next piece from the server.
func (r *reader) fetch(p []byte) error {
	err := r.t.do(r.ctx, "read", r.name, func(c *conn) error {
		f, err := c.open(r.file)
		if err != nil {
			return err
		}
		defer f.Close()
		return c.readAt(f, p, r.off)
	})
	r.off += int64(len(p))
	return err
}

// Close has nothing to release: between reads the reader holds no connection.
func (r *reader) Close() error {
	if r.err == nil {
		r.err = fs.ErrClosed
	}
	r.buf = nil
	return nil
}

func (c *conn) open(file string) (*sftp.File, error) {
	f, err := c.sftp.Open(file)
	return f, refined(err)
}

// statOpen describes an open file. Only a regular file is an object.
func (c *conn) statOpen(f *sftp.File) (fs.FileInfo, error) {
	info, err := f.Stat()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errHandle
	case err == nil && !info.Mode().IsRegular():
		return nil, fs.ErrNotExist
	}
	return info, err
}

var errHandle = temporary(errors.New("the server lost an open file"))

// readAt fills p, or finds out why it can't. If a server returns less than requested,
// readAt requests only as much from then on.
func (c *conn) readAt(f *sftp.File, p []byte, off int64) error {
	most := len(p)
	for done := 0; done < len(p); {
		n, err := f.ReadAt(p[done:min(done+most, len(p))], off+int64(done))
		done += n
		if err == nil {
			continue
		}
		if n > 0 && err == io.EOF {
			most = min(most, n)
			continue
		}
		info, unknown := c.statOpen(f)
		switch {
		case unknown != nil:
			return unknown
		case off+int64(len(p)) > info.Size():
			return beyond(off, int64(len(p)), info.Size())
		case err == io.EOF:
			return temporary(fmt.Errorf("the server ended at %d of %d bytes", off+int64(done), info.Size()))
		case errors.Is(err, fs.ErrNotExist):
			return errHandle
		}
		return err
	}
	return nil
}

// beyond returns the error for bytes beyond the end of an object.
func beyond(off, n, size int64) error {
	return permanent(fmt.Errorf("%d bytes at %d: %w of %d bytes", n, off, io.ErrUnexpectedEOF, size))
}
