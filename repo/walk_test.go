package repo_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Some tests walk through everything that can go wrong: each operation may fail, each
// object may be damaged, each actor may be interrupted anywhere. Whole walks take minutes.
// QSNAP_WALKS=whole makes them, as .ci/long does. Else each walk takes a part of the steps.

// wholeWalks reports whether walks are to be whole.
func wholeWalks() bool { return os.Getenv("QSNAP_WALKS") == "whole" }

// walkPart is how many steps a walk that isn't whole has for each that it takes.
const walkPart = 10

// A walk says which steps to take.
type walk struct {
	whole bool
	turn  int
}

// newWalk returns a walk of all steps, or of a tenth of them: which tenth is drawn, or
// that of the number in QSNAP_WALKS, which a failed test prints.
func newWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{whole: wholeWalks(), turn: rand.IntN(walkPart)}
	if n, err := strconv.Atoi(os.Getenv("QSNAP_WALKS")); err == nil {
		w.turn = n
	}
	if !w.whole {
		turn := w.turn
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("QSNAP_WALKS=%d takes these steps again", turn)
			}
		})
	}
	return w
}

// takes reports whether to take the next step.
func (w *walk) takes() bool {
	w.turn++
	return w.whole || w.turn%walkPart == 0
}
