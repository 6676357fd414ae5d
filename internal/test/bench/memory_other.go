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

// canHold says that memory can't be held on this system.
const canHold = false

// beHolder isn't called on this system.
func beHolder() error { return errors.ErrUnsupported }
