package target

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"
)

// Temporary reports whether an operation that failed with this error may succeed
// if it is tried again: the network failed, the target was busy, or the error says
// so by a method Temporary() bool. It is never so for fs.ErrExist, fs.ErrNotExist,
// fs.ErrPermission, a target that is full, and what nothing is known of, such as
// wrong credentials.
//
// An error's Timeout() bool counts too, so that context.DeadlineExceeded is
// temporary: look at the context to know whose time is up.
func Temporary(err error) bool {
	for _, final := range []error{nil, fs.ErrExist, fs.ErrNotExist, fs.ErrPermission, context.Canceled, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
		if errors.Is(err, final) {
			return false
		}
	}
	if t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err); ok && t.Temporary() {
		return true
	}
	if t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && t.Timeout() {
		return true
	}
	// A connection that broke, in the midst of something or between two requests.
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return true
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(brokenNetwork, errno)
}
