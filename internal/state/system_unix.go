//go:build unix

package state

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// errReadOnly is the error of a file system that is mounted read-only.
var errReadOnly error = unix.EROFS

// isFull reports whether an error says that there is no room, or that a quota is used up.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// syncDir writes the names in a directory to disk.
func syncDir(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, unix.EINVAL) { // a file system that doesn't sync directories
		err = nil
	}
	return errors.Join(err, f.Close())
}

// tryLock locks a file until it is closed. It reports whether nobody else has locked it.
func tryLock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case err != nil:
			return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
		return true, nil
	}
}

// isLocked reports whether a process has locked a file.
func isLocked(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return true, nil
		case err != nil:
			return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
		return false, unix.Flock(int(f.Fd()), unix.LOCK_UN)
	}
}
