package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// runRandomly makes runs of a program, and fails the test at the first promise that
// is broken.
func runRandomly(t *testing.T, p *randomProgram, seeds []uint64) {
	t.Helper()
	began := time.Now()
	audit := newAuditor(t, p.stage)
	counts := map[string]int{}
	steps, counted := 0, 0
	for _, seed := range seeds {
		var moves []move
		var err error
		synctest.Test(t, func(t *testing.T) {
			var n int
			moves, _, n, err = p.run(t, audit, seed)
			counted += n
		})
		if err != nil {
			t.Fatalf("broken promise in program %q: %v, with QSNAP_SIM_SEED=%d, after\n%s", p.name, err, seed, traceText(moves, actorsOf(&p.program)))
		}
		for _, m := range moves {
			counts[m.what()]++
		}
		steps += len(moves)
	}
	p.sawEnough(t, counted, len(seeds) < 10)
	took := time.Since(began)
	t.Logf("%s: %d runs of %d moves: %v, %v each; %v", p.name, len(seeds), steps, took.Round(time.Millisecond), (took / time.Duration(max(1, len(seeds)))).Round(time.Microsecond), counts)
}

// run makes one run, and returns its moves, the state at its end, and how often what the
// program is about has happened.
func (p *randomProgram) run(t *testing.T, audit *auditor, seed uint64) (moves []move, end digest, counted int, err error) {
	w := newWorld(t, &p.program, audit)
	defer w.close()
	c := &chance{p: p, w: w, rng: rand.New(rand.NewPCG(seed, 0)), mood: make([]int, len(w.actors))}
	if seed%2 == 1 { // listings are not of one moment
		w.turns.Between = func(string) bool { return c.oneIn(2) }
	}
	for {
		if err := w.check(); err != nil {
			return w.moves, w.state(), 0, err
		}
		m, ok := c.draw()
		if !ok {
			break
		}
		if err := w.do(m); err != nil {
			return w.moves, w.state(), 0, err
		}
		if len(w.moves) > 20*p.steps {
			return w.moves, w.state(), 0, fmt.Errorf("there is no end")
		}
	}
	if w.trespass != nil {
		return w.moves, w.state(), 0, w.trespass
	}
	if p.about != nil {
		counted = p.about(w)
	}
	if p.torn {
		return w.moves, w.state(), counted, nil
	}
	return w.moves, w.state(), counted, finale(w)
}
