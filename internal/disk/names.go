package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"syscall"
)

// errName means that this system can have no such name, or takes it for something else.
var errName = errors.New("this system can't have such a name")

// Unnameable reports whether an error of a name says that its file system can have no such
// name: it is too long, or has characters that are not allowed there.
func Unnameable(err error) bool {
	if errors.Is(err, errName) {
		return true
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	if runtime.GOOS == "windows" {
		return errno == 123 || errno == 206 // ERROR_INVALID_NAME, ERROR_FILENAME_EXCED_RANGE
	}
	return errno == syscall.ENAMETOOLONG || errno == syscall.EINVAL || errno == syscall.EILSEQ
}

// ofName adds to an error of giving something a name that the name may be why.
func ofName(err error) error {
	switch {
	case Unnameable(err):
		return fmt.Errorf("this file system can't have such a name: %w", err)
	case errors.Is(err, fs.ErrNotExist): // its directory is there, as it is open
		return fmt.Errorf("this file system may not allow such a name: %w", err)
	}
	return err
}

// checkName refuses a name that leads elsewhere on a system. Windows takes some for a path,
// a stream of another file, or the name without its last character.
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
