package local

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// openUnnamed opens a file without a name below dir.
func openUnnamed(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), dir), nil
}

// beginWriting makes the disk start to write a range of a file, and doesn't wait. If it
// can't start here, the sync does the writing. But an error is returned now, because the
// sync may not report it again.
func beginWriting(f *os.File, off int64, n int) error {
	switch err := unix.SyncFileRange(int(f.Fd()), off, int64(n), unix.SYNC_FILE_RANGE_WRITE); err {
	case unix.EIO, unix.ENOSPC, unix.EDQUOT:
		return err
	}
	return nil
}

// linkUnnamed gives a file from openUnnamed its name, unless the name is taken.
func linkUnnamed(f *os.File, path string) error {
	err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "link", Old: "unnamed file", New: path, Err: err}
	}
	return nil
}

// renameExclusive gives a temporary file its final name, unless the name is taken.
func renameExclusive(f *temporary, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, f.path, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	switch err {
	case nil:
		f.path = ""
		return nil
	case unix.EINVAL, unix.ENOSYS, unix.ENOTSUP:
		return os.Link(f.path, path)
	}
	return &os.LinkError{Op: "rename", Old: f.path, New: path, Err: err}
}

func statfs(dir string) (free, total int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}

// Space implements target.SpaceReporter.
func (t *Target) Space(ctx context.Context) (free, total int64, err error) { return statfs(t.dir) }
