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
// if it is tried again: the network failed, the target was busy. A target's errors
// say so by a method Temporary() bool. It is never so for fs.ErrExist,
// fs.ErrNotExist, fs.ErrPermission, a target that is full, and what nothing is known
// of, such as wrong credentials or a host without an address: a target knows better.
//
// A timeout is temporary, and so is context.DeadlineExceeded: look at the context to
// know whose time is up.
func Temporary(err error) bool {
	for _, final := range []error{nil, fs.ErrExist, fs.ErrNotExist, fs.ErrPermission, context.Canceled, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
		if errors.Is(err, final) {
			return false
		}
	}
	if t, ok := errors.AsType[temporary](err); ok {
		// Those of package net, which have both methods, say no of refused connections.
		if _, isNet := t.(timeout); !isNet || t.Temporary() {
			return t.Temporary()
		}
	}
	if t, ok := errors.AsType[timeout](err); ok && t.Timeout() {
		return true
	}
	// A connection that broke, in the midst of something or between two requests.
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return true
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(brokenNetwork, errno)
}

type temporary interface {
	error
	Temporary() bool
}

type timeout interface {
	error
	Timeout() bool
}
