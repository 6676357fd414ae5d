package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How far the heap may grow before a collection. At first it may grow by 16 MiB: most hourly
// snapshots need less, and end before the first collection. Then it may grow by a share of
// the live bytes. Most of these are in buffers that are reused, so collecting more often than
// Go does by default halves the garbage, for a few percent of time.
const (
	heapRoom     = 16 << 20
	leastPercent = 30
	mostPercent  = 400 // of the 4 MiB that the runtime begins with
)

// paceGC sets that pace for this process.
func paceGC() { setGCPercent(mostPercent) }

func setGCPercent(percent int) {
	debug.SetGCPercent(percent)
	// The next collection frees this value, and that is when the pace is set again.
	next := new([32]byte)
	runtime.AddCleanup(next, func(percent int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		setGCPercent(gcPercent(live[0].Value.Uint64()))
	}, percent)
}

// gcPercent returns by how many percent a heap of live bytes may grow.
func gcPercent(live uint64) int {
	return int(min(max(100*heapRoom/max(live, 1), leastPercent), mostPercent))
}
