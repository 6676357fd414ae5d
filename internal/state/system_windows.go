package state

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// errReadOnly is the error of a volume that can't be written.
var errReadOnly error = windows.ERROR_WRITE_PROTECT

// isFull reports whether an error says that there is no room, or that a quota is used up.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// syncDir does nothing: Windows writes the names of files with the files.
func syncDir(string) error { return nil }

// tryLock locks a file until it is closed. It reports whether nobody else has locked it.
func tryLock(f *os.File) (bool, error) { return lockByte(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// isLocked reports whether a process has locked a file.
func isLocked(f *os.File) (bool, error) {
	free, err := lockByte(f, 0)
	if !free || err != nil {
		return !free, err
	}
	return false, windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, farByte())
}

// lockByte locks one byte far behind the content, because nobody else can read bytes that
// are locked.
func lockByte(f *os.File, flags uint32) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, farByte())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	if err != nil {
		return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return true, nil
}

func farByte() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }
