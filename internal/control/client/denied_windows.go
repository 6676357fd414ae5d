package client

import "golang.org/x/sys/windows"

// errDenied is what a socket says to a user who may not use it.
const errDenied = windows.WSAEACCES
