package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// An unsized file is one whose size is not known before it is read. In /proc and /sys
// files have no size, or that of a page, whatever they contain; FUSE file systems may
// report 0. Such a file is read to its end each time. Reading is bounded, because the
// file may have no end, and may block. The file is stored with the size that was read, or
// recorded as a problem, but never stored as an empty file.

// Limits on reading an unsized file.
const (
	unsizedBytes = 64 << 20
	unsizedTime  = 5 * time.Second
)

// maxHung limits the reads on a volume that exceeded their time and are still running.
// Each occupies a thread.
const maxHung = 16

// A sizer knows how reliable the sizes of files are. Directories and files on disk
// implement it.
type sizer interface{ Sizes() disk.Sizes }

func sizesOf(v any) disk.Sizes {
	if s, ok := v.(sizer); ok {
		return s.Sizes()
	}
	return disk.SizesKnown
}

// unsized reports whether the size of a file on the volume is unknown.
func (p *volume) unsized(e *snapshot.Entry) bool {
	return e.Type == snapshot.File && unsized(p.sizes, e)
}

func unsized(s disk.Sizes, e *snapshot.Entry) bool {
	return s == disk.SizesUnknown || s == disk.EmptyUnknown && e.Size == 0
}

// unsizedFile reports whether the size of an open file is unknown. A file on another file
// system than its directory is asked itself.
func (p *volume) unsizedFile(f source.File, meta disk.Meta, e *snapshot.Entry) bool {
	if meta.Device == p.device {
		return p.unsized(e)
	}
	return e.Size == 0 && unsized(sizesOf(f), e)
}

// readUnsized reads a file of unknown size.
func (w *worker) readUnsized(j fileJob, f *unsizedFile, e *snapshot.Entry) (problem, fatal error) {
	xattrs, err := f.File.Xattrs()
	if err != nil {
		return err, nil
	}
	e.Xattrs, e.Holes, e.Size = xattrs, nil, f.left+1 // more bytes than there can be
	w.data = dataReader{f: f, size: e.Size}
	problem, fatal = w.chunks(j, &w.data, e)
	if f.hung {
		w.part = nil // the read that is still running may write to it
	}
	if problem != nil || fatal != nil {
		e.Size = 0
	}
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	return problem, fatal
}

// unreadFile records that a file can't be read. Files that the kernel generates are
// recorded but not counted: many of them can never be read, and none can be lost.
func (c *capture) unreadFile(j fileJob, problem error) {
	selected := j.block.node.selected.In(j.entry().Name)
	if selected == nil && j.block.node.volume.sizes == disk.SizesUnknown {
		c.problem(j.path(), problem)
		return
	}
	c.markUnreadable(selected, j.path(), problem)
}

// An unsizedFile reads a file within limits.
type unsizedFile struct {
	source.File
	ctx    context.Context
	volume *volume
	bytes  int64         // most bytes to read
	left   int64         // of them
	time   time.Duration // time limit of all reads together
	spent  time.Duration // time spent on reads so far

	buf    []byte // for a read that may exceed its time
	result chan unsizedRead
	hung   bool
}

type unsizedRead struct {
	n   int
	err error
}

func (w *worker) unsized(f source.File, p *volume) *unsizedFile {
	if w.part == nil {
		w.part = make([]byte, 64<<10)
	}
	u := &unsizedFile{File: f, ctx: w.ctx, volume: p, bytes: unsizedBytes, time: unsizedTime,
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

// Read implements io.Reader.
func (u *unsizedFile) Read(p []byte) (int, error) {
	if u.volume.hung.Load() >= maxHung {
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

// read reads into the file's own buffer, and abandons a read that doesn't return in time.
func (u *unsizedFile) read(p []byte) (unsizedRead, error) {
	f, result, begun := u.File, u.result, time.Now()
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

// abandon arranges that the file is closed when the running read returns.
func (u *unsizedFile) abandon() {
	u.hung = true
	u.volume.hung.Add(1)
	go func() {
		<-u.result
		u.File.Close()
		u.volume.hung.Add(-1)
	}()
}

// Close closes the file, unless a read is still running.
func (u *unsizedFile) Close() error {
	if u.hung {
		return nil
	}
	return u.File.Close()
}
