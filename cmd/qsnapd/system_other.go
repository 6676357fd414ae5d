//go:build !linux

package main

// monotonicMicroseconds is for systemd only.
func monotonicMicroseconds() int64 { return 0 }

// A loadMeter measures nothing: runs don't wait for a low load here.
type loadMeter struct{}

func (*loadMeter) load() float64 { return 0 }
