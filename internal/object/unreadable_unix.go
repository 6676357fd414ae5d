//go:build unix

package object

import (
	"errors"
	"syscall"
)

// isUnreadable reports whether an error means that a disk can't read a file, or that its
// file system found the file damaged.
func isUnreadable(err error) bool {
	for _, errno := range unreadableErrors {
		if errors.Is(err, errno) {
			return true
		}
	}
	return errors.Is(err, syscall.EIO)
}
