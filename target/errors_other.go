//go:build !windows

package target

import "syscall"

// brokenNetwork are the socket errors that go away by themselves.
var brokenNetwork = []syscall.Errno{
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
	syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENETRESET,
	syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ETIMEDOUT,
}
