//go:build !unix

package object

import (
	"errors"
	"syscall"
)

// isUnreadable reports whether an error means that a disk can't read a file. On Windows, a
// cyclic redundancy check failed, a sector wasn't found, or a file or directory is corrupt.
func isUnreadable(err error) bool {
	for _, errno := range []syscall.Errno{23, 27, 1117, 1392} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
