//go:build unix && !linux

package repo

var unreadableErrors []error
