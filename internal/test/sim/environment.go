package sim

import (
	"os"
	"strconv"
	"testing"
)

// wholeWalks reports whether all runs are to be made, and not a part of them.
func wholeWalks() bool { return os.Getenv("QSNAP_WALKS") == "whole" }

// fewBreaks is how many interruptions a run has at most where walks aren't whole.
const fewBreaks = 1

// simRuns returns the seeds of the runs to make: so many, of which a quarter will do where
// walks aren't whole, or as many as QSNAP_SIM_RUNS says, or only that of QSNAP_SIM_SEED.
func simRuns(t *testing.T, runs int) []uint64 {
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

// environment returns the number in a variable, if there is one.
func environment(t testing.TB, name string) (uint64, bool) {
	t.Helper()
	text := os.Getenv(name)
	n, err := strconv.ParseUint(text, 10, 32)
	if text != "" && err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n, text != ""
}
