//go:build unix && !linux

package object

var unreadableErrors []error
