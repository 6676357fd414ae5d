package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// runRandomly makes runs of a program, one for each seed. It fails the test at the first
// broken promise.
func runRandomly(t *testing.T, p *randomProgram, seeds []uint64) {
	t.Helper()
	began := time.Now()
	audit := newAuditor(t, p.stage)
	counts := map[string]int{}
	steps, reached := 0, 0
	for _, seed := range seeds {
		var moves []move
		var err error
		synctest.Test(t, func(t *testing.T) {
			var n int
			moves, _, n, err = p.run(t, audit, seed)
			reached += n
		})
		if err != nil {
			t.Fatalf("broken promise in program %q: %v, with QSNAP_SIM_SEED=%d, after\n%s", p.name, err, seed, traceText(moves, actorsOf(&p.program)))
		}
		for _, m := range moves {
			counts[m.what()]++
		}
		steps += len(moves)
	}
	p.checkReached(t, reached, len(seeds) < 10)
	took := time.Since(began)
	t.Logf("%s: %d runs of %d moves: %v, %v each; %v", p.name, len(seeds), steps, took.Round(time.Millisecond), (took / time.Duration(max(1, len(seeds)))).Round(time.Microsecond), counts)
}

// run makes one run. It returns the moves, the state at the end, and how often the run has
// reached what the program tests.
func (p *randomProgram) run(t *testing.T, audit *auditor, seed uint64) (moves []move, end digest, reached int, err error) {
	w := newWorld(t, &p.program, audit)
	defer w.close()
	c := &scheduler{p: p, w: w, rng: rand.New(rand.NewPCG(seed, 0)), weights: make([]int, len(w.actors))}
	if seed%2 == 1 { // objects come and go while a listing is read
		w.turns.Between = func(string) bool { return c.oneIn(2) }
	}
	for {
		if err := w.check(); err != nil {
			return w.moves, w.state(), 0, err
		}
		m, ok := c.next()
		if !ok {
			break
		}
		if err := w.do(m); err != nil {
			return w.moves, w.state(), 0, err
		}
		if len(w.moves) > 20*p.steps {
			return w.moves, w.state(), 0, fmt.Errorf("the run does not end")
		}
	}
	if w.undeclared != nil {
		return w.moves, w.state(), 0, w.undeclared
	}
	if p.reached != nil {
		reached = p.reached(w)
	}
	if p.torn {
		return w.moves, w.state(), reached, nil
	}
	return w.moves, w.state(), reached, checkEnd(w)
}
