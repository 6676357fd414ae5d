//go:build !linux

package disk

import "os"

func processID() int { return os.Getpid() }

func machine() string {
	name, _ := os.Hostname()
	return name
}

// The start of another process is unknown on this system, so nothing is known about its
// sessions.
func boot() string            { return "" }
func namespace() string       { return "" }
func processStart(int) uint64 { return 0 }
