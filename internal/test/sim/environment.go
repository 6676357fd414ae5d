package sim

import (
	"os"
	"strconv"
	"testing"
)

// wholeWalks reports whether all runs are to be made, and not a part of them.
func wholeWalks() bool { return os.Getenv("QSNAP_WALKS") == "whole" }

// fewInterruptions is how many interruptions an explored run has at most unless all runs are
// to be made.
const fewInterruptions = 1

// seeds returns the seeds of the runs to make: that of QSNAP_SIM_SEED alone; or as many as
// QSNAP_SIM_RUNS says; or so many; or a quarter of these unless all runs are to be made.
func seeds(t *testing.T, runs int) []uint64 {
	t.Helper()
	if seed, ok := environment(t, "QSNAP_SIM_SEED"); ok {
		return []uint64{seed}
	}
	if n, ok := environment(t, "QSNAP_SIM_RUNS"); ok {
		runs = int(n)
	} else if !wholeWalks() {
		runs = (runs + 3) / 4
	}
	seeds := make([]uint64, runs)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	return seeds
}

// environment returns the number in a variable, and whether it is set.
func environment(t testing.TB, name string) (uint64, bool) {
	t.Helper()
	text := os.Getenv(name)
	n, err := strconv.ParseUint(text, 10, 32)
	if text != "" && err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n, text != ""
}
