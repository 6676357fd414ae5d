//go:build !linux

package pagecache

// Holds reports whether the system may have some of a range of an open file in memory. It
// doesn't tell.
func Holds(fd uintptr, offset, n int64) bool { return true }

// Drop does nothing.
func Drop(fd uintptr, offset, n int64) {}
