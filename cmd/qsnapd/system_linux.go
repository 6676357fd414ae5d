package main

import (
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// monotonicMicroseconds returns the time of the clock that systemd asks for.
func monotonicMicroseconds() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return t.Nano() / 1000
}

// A loadMeter measures how busy the processors were since it was last asked.
type loadMeter struct {
	mu         sync.Mutex
	busy, idle uint64
}

// load returns the part of the processors that was busy, from 0 to 1.
func (m *loadMeter) load() float64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	busy, idle := processorTimes(string(text))
	m.mu.Lock()
	defer m.mu.Unlock()
	b, i := busy-m.busy, idle-m.idle
	m.busy, m.idle = busy, idle
	if b+i == 0 {
		return 0
	}
	return float64(b) / float64(b+i)
}

// processorTimes reads the first line of /proc/stat.
func processorTimes(stat string) (busy, idle uint64) {
	line, _, _ := strings.Cut(stat, "\n")
	for i, f := range strings.Fields(line) {
		n, err := strconv.ParseUint(f, 10, 64)
		switch {
		case err != nil || i > 8: // times of guests are in those before
		case i == 4, i == 5: // idle, and waiting for disks
			idle += n
		default:
			busy += n
		}
	}
	return busy, idle
}
