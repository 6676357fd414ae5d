package disk

import (
	"io"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/internal/pagecache"
	"github.com/qsnap/qsnap/snapshot"
)

// A File is an open regular file to read from.
type File struct {
	fd   int
	dir  *Dir // for messages
	name string
}

// Close closes the file.
func (f *File) Close() error { return unix.Close(f.fd) }

func (f *File) fail(op string, err error) error {
	return f.dir.fail(op, f.name, err)
}

// Stat sets the fields of the entry that stat(2) provides, except its name.
func (f *File) Stat(e *snapshot.Entry) (Meta, error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return Meta{}, f.fail("stat", err)
	}
	return fill(e, &st), nil
}

// Xattrs returns the file's extended attributes, sorted by name.
func (f *File) Xattrs() ([]snapshot.Xattr, error) {
	out, err := xattrs(fdAttrs(f.fd))
	if err != nil {
		return nil, f.fail("read attributes", err)
	}
	return out, nil
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(f.fd, p)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, f.fail("read", err)
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// Cached reports whether the system may have some of a range of the file in its page cache.
func (f *File) Cached(offset, n int64) bool { return pagecache.Holds(uintptr(f.fd), offset, n) }

// DropCached removes a range of the file from the system's page cache. Zero bytes are all that
// follow.
func (f *File) DropCached(offset, n int64) { pagecache.Drop(uintptr(f.fd), offset, n) }

// SeekTo moves to an offset from the start.
func (f *File) SeekTo(offset int64) error {
	if _, err := unix.Seek(f.fd, offset, io.SeekStart); err != nil {
		return f.fail("seek", err)
	}
	return nil
}

// maxHoles limits the holes that are recorded of one file. Further holes are read as
// zeros.
const maxHoles = 1 << 16

// Holes returns the holes of a file of that size. It moves the offset.
func (f *File) Holes(size int64) ([]snapshot.Hole, error) {
	var holes []snapshot.Hole
	for at := int64(0); at < size && len(holes) < maxHoles; {
		hole, err := unix.Seek(f.fd, at, unix.SEEK_HOLE)
		if err == unix.EINVAL || err == unix.ENXIO || err == unix.ENOTSUP {
			break // not supported, or the file has become shorter
		}
		if err != nil {
			return nil, f.fail("seek", err)
		}
		if hole >= size {
			break
		}
		data, err := unix.Seek(f.fd, hole, unix.SEEK_DATA)
		if err == unix.ENXIO {
			data = size // the rest is a hole
		} else if err != nil {
			return nil, f.fail("seek", err)
		}
		data = min(data, size)
		if data > hole {
			holes = append(holes, snapshot.Hole{Offset: hole, Length: data - hole})
		}
		at = data
	}
	return holes, nil
}
