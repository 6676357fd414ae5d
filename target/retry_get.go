package target

import (
	"context"
	"errors"
	"io"
)

// Get implements Target.
func (r *Retry) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	g := &retriedReader{r: r, ctx: ctx, e: r.operation("get", name), name: name, off: off, left: n}
	if err := g.open(); err != nil {
		return nil, err
	}
	return g, nil
}

// A retriedReader reads an object, and after an interruption continues where it was: an
// object never changes.
type retriedReader struct {
	r    *Retry
	ctx  context.Context
	e    *operation
	name string
	off  int64         // offset of the next byte
	left int64         // bytes still to read, or negative for all that follow
	body io.ReadCloser // nil between two connections
	err  error         // the error of the last read of body
	done bool          // reading has ended with err
}

// open requests the missing bytes until the request succeeds.
func (g *retriedReader) open() error {
	for {
		body, err := g.r.t.Get(g.e.context(g.ctx), g.name, g.off, g.left)
		if err == nil {
			g.body = body
			return nil
		}
		if err := g.retry(err); err != nil {
			return err
		}
	}
}

// retry returns when the request should be repeated, or returns the error to give up
// with.
func (g *retriedReader) retry(err error) error {
	if g.ctx.Err() == nil && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)) {
		// Did the connection end early, or the object?
		info, statErr := g.r.Stat(g.ctx, g.name)
		if statErr != nil {
			return statErr
		}
		if g.off < 0 || g.off > info.Size || g.left > info.Size-g.off {
			return err
		}
	}
	return g.e.retry(g.ctx, err)
}

// Read implements io.Reader.
func (g *retriedReader) Read(p []byte) (int, error) {
	for {
		if g.err != nil && !g.done {
			g.err = g.reopen(g.err)
			g.done = g.err != nil
		}
		if g.done {
			return 0, g.err
		}
		var n int
		n, g.err = g.body.Read(p)
		g.off += int64(n)
		if g.left >= 0 {
			g.left = max(0, g.left-int64(n))
		}
		if n > 0 {
			g.e.progress()
		}
		if n > 0 || g.err == nil {
			return n, nil
		}
	}
}

// reopen requests the rest after reading ended with an error, unless that is the end of
// the object.
func (g *retriedReader) reopen(err error) error {
	if g.left == 0 || err == io.EOF && g.left < 0 {
		return io.EOF
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	g.body.Close() // the connection is broken: its error does not matter
	g.body = nil
	if err := g.retry(err); err != nil {
		return err
	}
	return g.open()
}

// Close implements io.Closer.
func (g *retriedReader) Close() error {
	if g.body == nil {
		return nil
	}
	return g.body.Close()
}
