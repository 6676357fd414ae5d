//go:build !linux

package place

// remoteMounts is for Linux.
func remoteMounts() []string { return nil }
