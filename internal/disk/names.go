package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"syscall"
)

// errName means that this system does not allow such a name, or gives it another meaning.
var errName = errors.New("this system can't have such a name")

// Unnameable reports whether an error says that the file system does not allow a name: it
// is too long, or has characters that are not allowed.
func Unnameable(err error) bool {
	if errors.Is(err, errName) {
		return true
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	if runtime.GOOS == "windows" {
		return errno == 123 || errno == 206 // ERROR_INVALID_NAME, ERROR_FILENAME_EXCED_RANGE
	}
	return errno == syscall.ENAMETOOLONG || errno == syscall.EINVAL || errno == syscall.EILSEQ
}

// ofName adds to the error of giving something a name that the name may be the cause.
func ofName(err error) error {
	switch {
	case Unnameable(err):
		return fmt.Errorf("this file system can't have such a name: %w", err)
	case errors.Is(err, fs.ErrNotExist): // the directory exists, because it is open
		return fmt.Errorf("this file system may not allow such a name: %w", err)
	}
	return err
}

// checkName refuses a name that means something else on a system. Windows takes some
// names for a path, for a stream of another file, or for the name without its last
// character.
func checkName(system, name string) error {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return fs.ErrInvalid
	}
	control := func(r rune) bool { return r < ' ' }
	if system == "windows" && (strings.ContainsAny(name, `\:*?"<>|`) || strings.ContainsFunc(name, control) || strings.TrimRight(name, ". ") != name) {
		return errName
	}
	return nil
}
