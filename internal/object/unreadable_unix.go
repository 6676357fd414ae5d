//go:build unix

package object

import (
	"errors"
	"syscall"
)

// isUnreadable reports whether an error says that a disk can't read a file, or that its
// file system finds it damaged.
func isUnreadable(err error) bool {
	for _, errno := range unreadableErrors {
		if errors.Is(err, errno) {
			return true
		}
	}
	return errors.Is(err, syscall.EIO)
}
