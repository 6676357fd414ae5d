//go:build !windows

package client

import "syscall"

// errDenied is what a socket says to a user who may not use it.
const errDenied = syscall.EACCES
