//go:build !linux

package disk

import "os"

func processID() int { return os.Getpid() }

func machine() string {
	name, _ := os.Hostname()
	return name
}

// It isn't known here how long another process runs: of sessions of others nothing is.
func boot() string            { return "" }
func namespace() string       { return "" }
func processStart(int) uint64 { return 0 }
