package main

import (
	"os"
	"syscall"
)

// peakMemory returns the bytes that a process had resident at most.
func peakMemory(p *os.ProcessState) float64 {
	if r, ok := p.SysUsage().(*syscall.Rusage); ok {
		return float64(r.Maxrss) * 1024
	}
	return 0
}
