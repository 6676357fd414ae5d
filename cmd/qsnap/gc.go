package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How far the heap may grow before it is collected: by 16 MiB, which is more than
// most hourly snapshots take, so that they are over before the first collection; then
// by a share of what is in use. Most of that is in buffers that are used again and
// again, so that collecting the rest more often than Go does by itself halves what
// lies about, for a few percent of time.
const (
	heapRoom     = 16 << 20
	leastPercent = 30
	mostPercent  = 400 // of the 4 MiB that the runtime begins with
)

// paceGC has the garbage of this process collected at that pace.
func paceGC() { setGCPercent(mostPercent) }

func setGCPercent(percent int) {
	debug.SetGCPercent(percent)
	// What nothing refers to goes with the next collection: a moment to look again.
	next := new([32]byte)
	runtime.AddCleanup(next, func(percent int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		setGCPercent(gcPercent(live[0].Value.Uint64()))
	}, percent)
}

// gcPercent returns by how much a heap may grow of which that much is in use.
func gcPercent(live uint64) int {
	return int(min(max(100*heapRoom/max(live, 1), leastPercent), mostPercent))
}
