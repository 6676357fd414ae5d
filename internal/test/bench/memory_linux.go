package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// peakMemory returns the bytes that a process had resident at most.
func peakMemory(p *os.ProcessState) float64 {
	if r, ok := p.SysUsage().(*syscall.Rusage); ok {
		return float64(r.Maxrss) * 1024
	}
	return 0
}

// canHold says that memory can be held on this system.
const canHold = true

// inMemory reports whether the files of a directory are in memory.
func inMemory(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Type == unix.TMPFS_MAGIC
}
