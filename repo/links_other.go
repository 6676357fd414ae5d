//go:build !linux

package repo

// farMounts is for Linux.
func farMounts() []string { return nil }
