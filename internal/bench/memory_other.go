//go:build !linux

package main

import "os"

// peakMemory isn't known on this system.
func peakMemory(*os.ProcessState) float64 { return 0 }

// inMemory isn't known on this system.
func inMemory(string) bool { return false }
