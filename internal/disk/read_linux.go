package disk

import (
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

// A Dir is an open directory to read from. Several goroutines may call its methods, until
// Close.
type Dir struct {
	fd         int
	path       string // for messages
	listed     bool   // Names was called before
	searchOnly bool   // opened by OpenSearchOnly or SubSearchOnly
}

// OpenDir opens a directory by its path. It follows a symbolic link there.
func OpenDir(path string) (*Dir, error) {
	fd, err := openat(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &Dir{fd: fd, path: path}, nil
}

// openat opens without updating the access time if that is allowed, which it is for the
// owner.
func openat(dir int, name string, flags int) (fd int, err error) {
	for _, flags := range []int{flags | unix.O_NOATIME, flags} {
		for {
			fd, err = unix.Openat(dir, name, flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
			if err != unix.EINTR {
				break
			}
		}
		if err != unix.EPERM {
			break
		}
	}
	return fd, err
}

func (d *Dir) fail(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: d.full(name), Err: err}
}

// Sub opens a subdirectory.
func (d *Dir) Sub(name string) (*Dir, error) {
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	return &Dir{fd: fd, path: d.full(name)}, nil
}

// OpenSearchOnly opens a directory by its path to reach names in it. It requires only
// search permission, not read permission; Names fails. It follows a symbolic link there.
func OpenSearchOnly(path string) (*Dir, error) {
	fd, err := openSearchOnly(unix.AT_FDCWD, path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &Dir{fd: fd, path: path, searchOnly: true}, nil
}

// openSearchOnly also triggers an automounter.
func openSearchOnly(dir int, path string) (int, error) {
	return openat(dir, path+"/.", unix.O_PATH|unix.O_DIRECTORY)
}

// SubSearchOnly opens a subdirectory as OpenSearchOnly does.
func (d *Dir) SubSearchOnly(name string) (*Dir, error) {
	fd, err := openSearchOnly(d.fd, name)
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	return &Dir{fd: fd, path: d.full(name), searchOnly: true}, nil
}

// Follow opens a subdirectory, or the directory that a symbolic link leads to.
func (d *Dir) Follow(name string) (*Dir, error) {
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	return &Dir{fd: fd, path: d.full(name)}, nil
}

func (d *Dir) full(name string) string { return strings.TrimSuffix(d.path, "/") + "/" + name }

// Close closes the directory.
func (d *Dir) Close() error { return unix.Close(d.fd) }

// listBuffer is how many bytes of a directory are read at a time.
const listBuffer = 32 << 10

var listBuffers = sync.Pool{New: func() any { return new([listBuffer]byte) }}

// Names returns the names in the directory, sorted as bytes. Calls must not overlap.
func (d *Dir) Names() ([]string, error) {
	var names []string
	if d.listed {
		if _, err := unix.Seek(d.fd, 0, io.SeekStart); err != nil {
			return nil, &fs.PathError{Op: "read directory", Path: d.path, Err: err}
		}
	}
	d.listed = true
	buf := listBuffers.Get().(*[listBuffer]byte)
	defer listBuffers.Put(buf)
	for {
		n, err := unix.ReadDirent(d.fd, buf[:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, &fs.PathError{Op: "read directory", Path: d.path, Err: err}
		case n <= 0:
			slices.Sort(names)
			return names, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// Lstat sets the fields of an entry that lstat(2) provides.
func (d *Dir) Lstat(name string, e *snapshot.Entry) (Meta, error) {
	return d.stat("lstat", name, unix.AT_SYMLINK_NOFOLLOW, e)
}

// Stat sets the fields of an entry that stat(2) provides: it follows a symbolic link.
func (d *Dir) Stat(name string, e *snapshot.Entry) (Meta, error) {
	return d.stat("stat", name, 0, e)
}

func (d *Dir) stat(op, name string, flags int, e *snapshot.Entry) (Meta, error) {
	var st unix.Stat_t
	for {
		err := unix.Fstatat(d.fd, name, &st, flags)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			if Unnameable(err) {
				err = ofName(err)
			}
			return Meta{}, d.fail(op, name, err)
		}
	}
	e.Name = name
	return fill(e, &st), nil
}

// StampsHere reports whether the directory is known to be on a file system of this
// machine that stamps changes with the kernel's clock for that, which advances at least a
// hundred times a second. Nothing is known about other file systems, such as those of
// other machines.
func (d *Dir) StampsHere() bool {
	var st unix.Statfs_t
	if unix.Fstatfs(d.fd, &st) != nil {
		return false
	}
	switch uint32(st.Type) { // signed on some architectures
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
		unix.BCACHEFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC:
		return true
	}
	return false
}

// Self sets the fields of the directory's own entry, with its attributes.
func (d *Dir) Self(e *snapshot.Entry) (Meta, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return Meta{}, &fs.PathError{Op: "stat", Path: d.path, Err: err}
	}
	attrs := fdAttrs(d.fd)
	if d.searchOnly { // its descriptor allows fewer calls
		attrs = nameAttrs(d.fd, ".")
	}
	var err error
	e.Xattrs, err = xattrs(attrs)
	if err != nil {
		err = &fs.PathError{Op: "read attributes", Path: d.path, Err: err}
	}
	return fill(e, &st), err
}

func fill(e *snapshot.Entry, st *unix.Stat_t) Meta {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		e.Type = snapshot.Dir
	case unix.S_IFLNK:
		e.Type = snapshot.Symlink
	case unix.S_IFIFO:
		e.Type = snapshot.FIFO
	case unix.S_IFCHR:
		e.Type = snapshot.CharDevice
	case unix.S_IFBLK:
		e.Type = snapshot.BlockDevice
	case unix.S_IFSOCK:
		e.Type = snapshot.Socket
	default:
		e.Type = snapshot.File
	}
	e.Mode = st.Mode & 0o7777
	e.UID, e.GID = st.Uid, st.Gid
	e.User, e.Group = users.name(st.Uid), groups.name(st.Gid)
	e.MTime = snapshot.Time{Sec: st.Mtim.Sec, Nsec: int32(st.Mtim.Nsec)}
	e.CTime = snapshot.Time{Sec: st.Ctim.Sec, Nsec: int32(st.Ctim.Nsec)}
	e.Inode = st.Ino
	if e.Type != snapshot.Dir && st.Nlink > 1 {
		e.Links, e.Device = uint32(min(uint64(st.Nlink), math.MaxUint32)), uint64(st.Dev)
	}
	if e.Type == snapshot.File {
		e.Size = st.Size
	}
	if e.Type == snapshot.CharDevice || e.Type == snapshot.BlockDevice {
		e.Major, e.Minor = unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
	}
	return Meta{Device: uint64(st.Dev), Allocated: st.Blocks * 512}
}

// Describe sets what Lstat doesn't set of an entry that is neither file nor directory:
// the target of a symbolic link, and attributes.
func (d *Dir) Describe(e *snapshot.Entry) error {
	if e.Type == snapshot.Symlink {
		target, err := d.readlink(e.Name)
		if err != nil {
			return d.fail("read link", e.Name, err)
		}
		e.Target = target
	}
	var err error
	if e.Xattrs, err = xattrs(nameAttrs(d.fd, e.Name)); err != nil {
		return d.fail("read attributes", e.Name, err)
	}
	return nil
}

func (d *Dir) readlink(name string) (string, error) {
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(d.fd, name, buf)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

// Open opens a file in the directory for reading and sets the fields of the entry that
// stat(2) provides, except its name. If the name is no file any more, the error is
// fs.ErrNotExist.
func (d *Dir) Open(name string, e *snapshot.Entry) (*File, Meta, error) {
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW)
	if err == unix.ELOOP {
		err = unix.ENOENT
	}
	if err != nil {
		return nil, Meta{}, d.fail("open", name, err)
	}
	f := &File{fd, d, name}
	meta, err := f.Stat(e)
	if err == nil && e.Type != snapshot.File {
		err = d.fail("open", name, unix.ENOENT)
	}
	if err != nil {
		f.Close()
		return nil, Meta{}, err
	}
	return f, meta, nil
}

// ReadAhead makes the system read a file of the directory into its cache, and doesn't
// wait. It reports whether the beginning of the file was not cached, as far as that is
// known. Errors are ignored, because reading the file will return them.
func (d *Dir) ReadAhead(name string) (cold bool) {
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var first [1]byte
	if _, err := unix.Preadv2(fd, [][]byte{first[:]}, 0, unix.RWF_NOWAIT); err != unix.EAGAIN {
		return false
	}
	_ = unix.Fadvise(fd, 0, 0, unix.FADV_WILLNEED)
	return true
}
