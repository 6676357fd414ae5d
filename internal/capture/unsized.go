package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// An unsized file is one whose size is not known before it is read: in /proc and /sys
// files have no size, or a page's, whatever is in them; FUSE file systems may say 0. Such a
// file is read to its end each time, within bounds, since it may have no end, and reading
// may block. It is stored with the size that was read, or named as a problem, but never
// stored as an empty file.

// Bounds on what is read of an unsized file.
const (
	unsizedBytes = 64 << 20
	unsizedTime  = 5 * time.Second
)

// maxHung bounds the reads of a place that didn't return in time and still go on. Each
// keeps a thread.
const maxHung = 16

// A sizer knows what the sizes of files are worth. Directories and files on disk do.
type sizer interface{ Sizes() disk.Sizes }

func sizesOf(v any) disk.Sizes {
	if s, ok := v.(sizer); ok {
		return s.Sizes()
	}
	return disk.SizesKnown
}

// unsized reports whether the size of a file in the place is not known.
func (p *place) unsized(e *snapshot.Entry) bool {
	return e.Type == snapshot.File && unsized(p.sizes, e)
}

func unsized(s disk.Sizes, e *snapshot.Entry) bool {
	return s == disk.SizesUnknown || s == disk.EmptyUnknown && e.Size == 0
}

// unsizedFile reports whether the size of an open file is not known. One that is on
// another file system than its directory is asked for itself.
func (p *place) unsizedFile(f file, meta disk.Meta, e *snapshot.Entry) bool {
	if meta.Device == p.device {
		return p.unsized(e)
	}
	return e.Size == 0 && unsized(sizesOf(f), e)
}

// readUnsized reads a file whose size is not known.
func (w *worker) readUnsized(j fileJob, f *unsizedFile, e *snapshot.Entry) (problem, fatal error) {
	xattrs, err := f.file.Xattrs()
	if err != nil {
		return err, nil
	}
	e.Xattrs, e.Holes, e.Size = xattrs, nil, f.left+1 // of which there can't be as many
	w.data = dataReader{f: f, size: e.Size}
	problem, fatal = w.chunks(j, &w.data, e)
	if f.hung {
		w.part = nil // the read that goes on may write to it
	}
	if problem != nil || fatal != nil {
		e.Size = 0
	}
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	return problem, fatal
}

// unreadFile notes that a file can't be read. Those that the kernel makes when they are
// read are named, and not counted: many of them can't ever be read, and none can be lost.
func (c *capture) unreadFile(j fileJob, problem error) {
	selected := j.block.node.selected.in(j.entry().Name)
	if selected == nil && j.block.node.place.sizes == disk.SizesUnknown {
		c.problem(j.path(), problem)
		return
	}
	c.unread(selected, j.path(), problem)
}

// An unsizedFile reads a file within bounds.
type unsizedFile struct {
	file
	ctx   context.Context
	place *place
	bytes int64         // how many there may be
	left  int64         // of them
	time  time.Duration // how long all reads may take
	spent time.Duration // on those so far

	buf    []byte // for a read that may not return in time
	result chan unsizedRead
	hung   bool
}

type unsizedRead struct {
	n   int
	err error
}

func (w *worker) unsized(f file, p *place) *unsizedFile {
	if w.part == nil {
		w.part = make([]byte, 64<<10)
	}
	u := &unsizedFile{file: f, ctx: w.ctx, place: p, bytes: unsizedBytes, time: unsizedTime,
		buf: w.part, result: make(chan unsizedRead, 1)}
	if w.c.UnsizedTime > 0 {
		u.time = w.c.UnsizedTime
	}
	u.left = u.bytes
	return u
}

func (u *unsizedFile) fail(format string, args ...any) error {
	return fmt.Errorf("its size is not known before it is read, and "+format, args...)
}

// Read is io.Reader.
func (u *unsizedFile) Read(p []byte) (int, error) {
	if u.place.hung.Load() >= maxHung {
		return 0, u.fail("%d other files like it did not answer", maxHung)
	}
	if u.spent >= u.time {
		return 0, u.fail("reading it did not end within %v", u.time)
	}
	r, err := u.read(u.buf[:min(len(p), len(u.buf))])
	if err != nil {
		return 0, err
	}
	if u.left -= int64(r.n); u.left < 0 {
		return 0, u.fail("it has more than %d MiB", u.bytes>>20)
	}
	switch {
	case errors.Is(r.err, syscall.EAGAIN):
		return 0, u.fail("reading it would mean waiting for more")
	case r.err != nil && r.err != io.EOF:
		return 0, r.err
	}
	return copy(p, u.buf[:r.n]), r.err
}

// read reads into the file's own buffer, and leaves a read alone that doesn't return in
// time.
func (u *unsizedFile) read(p []byte) (unsizedRead, error) {
	f, result, begun := u.file, u.result, time.Now()
	go func() {
		n, err := f.Read(p)
		result <- unsizedRead{n, err}
	}()
	late := time.NewTimer(u.time - u.spent)
	defer late.Stop()
	select {
	case r := <-result:
		u.spent += time.Since(begun)
		return r, nil
	case <-late.C:
		u.abandon()
		return unsizedRead{}, u.fail("reading it did not end within %v", u.time)
	case <-u.ctx.Done():
		u.abandon()
		return unsizedRead{}, u.ctx.Err()
	}
}

// abandon has the file closed when the read that goes on returns.
func (u *unsizedFile) abandon() {
	u.hung = true
	u.place.hung.Add(1)
	go func() {
		<-u.result
		u.file.Close()
		u.place.hung.Add(-1)
	}()
}

// Close closes the file, unless it is still being read.
func (u *unsizedFile) Close() error {
	if u.hung {
		return nil
	}
	return u.file.Close()
}
