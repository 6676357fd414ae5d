package target

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"
)

// Temporary reports whether an operation that failed with this error may succeed if it is
// repeated: the network failed, or the target was busy. A target's errors can say so with
// a method Temporary() bool. The result is always false for fs.ErrExist, fs.ErrNotExist,
// fs.ErrPermission and a full target. It is false for errors of unknown kind, such as
// wrong credentials or a host without an address: a target knows better.
//
// A timeout is temporary, and so is context.DeadlineExceeded: look at the context to know
// whose time is up.
func Temporary(err error) bool {
	for _, final := range []error{nil, fs.ErrExist, fs.ErrNotExist, fs.ErrPermission, context.Canceled, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
		if errors.Is(err, final) {
			return false
		}
	}
	if t, ok := errors.AsType[temporary](err); ok {
		// Errors of package net have both methods, and return false for refused
		// connections.
		if _, isNet := t.(timeout); !isNet || t.Temporary() {
			return t.Temporary()
		}
	}
	if t, ok := errors.AsType[timeout](err); ok && t.Timeout() {
		return true
	}
	// The connection broke, during a request or between two.
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
