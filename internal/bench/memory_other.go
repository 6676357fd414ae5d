//go:build !linux

package main

import (
	"errors"
	"os"
)

// peakMemory isn't known on this system.
func peakMemory(*os.ProcessState) float64 { return 0 }

// inMemory isn't known on this system.
func inMemory(string) bool { return false }

// beHolder isn't needed where nothing is known to be in memory.
func beHolder() error { return errors.ErrUnsupported }
