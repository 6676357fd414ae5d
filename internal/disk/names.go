package disk

import (
	"errors"
	"runtime"
	"syscall"
)

// Unnameable reports whether an error of a name says that its file system can have no such
// name: it is too long, or has characters that are not allowed there.
func Unnameable(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	if runtime.GOOS == "windows" {
		return errno == 123 || errno == 206 // ERROR_INVALID_NAME, ERROR_FILENAME_EXCED_RANGE
	}
	return errno == syscall.ENAMETOOLONG || errno == syscall.EINVAL || errno == syscall.EILSEQ
}
