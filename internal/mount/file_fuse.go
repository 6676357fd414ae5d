//go:build linux || darwin

package mount

import (
	"context"
	"io"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

// A file is an open file of a snapshot. It holds no content: the repository caches what
// was read last of all files.
type file struct {
	node  *node
	entry *snapshot.Entry
}

var (
	_ fs.FileReader  = (*file)(nil)
	_ fs.FileLseeker = (*file)(nil)
	_ fs.FileFlusher = (*file)(nil)
)

// Read implements fs.FileReader. It reads everything that was requested, or fails: the
// kernel treats missing bytes as zeros.
func (f *file) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	ctx, done := f.node.patient(ctx)
	defer done()
	n, err := f.node.view.ReadAt(ctx, f.entry, dest, off)
	if err != nil && err != io.EOF {
		return nil, f.node.fail(f.node.path(), err)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// Flush implements fs.FileFlusher: there is nothing to flush, and the kernel need not
// call again.
func (f *file) Flush(context.Context) syscall.Errno { return syscall.ENOSYS }

// Lseek implements fs.FileLseeker: it finds data and holes as they were captured.
func (f *file) Lseek(_ context.Context, off uint64, whence uint32) (uint64, syscall.Errno) {
	at, ok := seek(f.entry, int64(off), whence == unix.SEEK_HOLE)
	if !ok || whence != unix.SEEK_HOLE && whence != unix.SEEK_DATA {
		return 0, syscall.ENXIO
	}
	return uint64(at), 0
}

// seek returns the offset of the next hole or the next data, from an offset on. The end
// of a file counts as a hole.
func seek(e *snapshot.Entry, off int64, hole bool) (at int64, ok bool) {
	if off < 0 || off >= e.Size {
		return 0, false
	}
	for _, h := range e.Holes {
		end := h.Offset + h.Length
		if end <= off {
			continue
		}
		if hole {
			return max(off, h.Offset), true
		}
		if off < h.Offset {
			return off, true
		}
		off = end
	}
	if hole {
		return e.Size, true
	}
	return off, off < e.Size
}
