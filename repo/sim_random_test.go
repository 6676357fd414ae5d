package repo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/target/targettest"
)

// A randomProgram is one whose runs are too many to make them all: what happens is
// drawn, and so are crashes, failures, hangs, actors that come to nothing for long,
// clocks that jump, actors that begin again with their cache or without, and in half
// of the runs, what listings tell of objects that come or go meanwhile.
type randomProgram struct {
	program
	faults []targettest.Fault // that operations of mortal actors may meet with
	lives  int                // of a mortal actor, at most
	steps  int                // after which nothing more goes wrong
}

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

// what names the kind of a move, for counting.
func (m move) what() string {
	switch {
	case m.kind == take && m.fault != targettest.None:
		return faultNames[m.fault][1:]
	case m.kind == take:
		return "operations"
	case m.kind == skew:
		return "clock jumps"
	}
	m.actor = 0
	return m.text([]*actor{{name: "somebody"}})
}

// sawEnough fails the test if what the program is about has never happened, unless that
// is excused.
func (p *program) sawEnough(t *testing.T, counted int, excused bool) {
	t.Helper()
	if p.about != nil {
		t.Logf("%s: %d times what it is about", p.name, counted)
	}
	if p.about != nil && counted == 0 && !excused {
		t.Fatalf("%s: what it is about has never happened", p.name)
	}
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

// chance draws what happens next.
type chance struct {
	p    *randomProgram
	w    *world
	rng  *rand.Rand
	mood []int // how likely it is that each actor is next
}

// oneIn is true once in n times.
func (c *chance) oneIn(n int) bool { return c.rng.IntN(n) == 0 }

// draw returns the next move, or false at the end.
func (c *chance) draw() (move, bool) {
	w := c.w
	takes := w.takes()
	wild := len(w.moves) < c.p.steps
	if len(w.moves)%16 == 0 {
		c.changeMoods()
	}
	if m, ok := c.accident(takes, wild); ok {
		return m, true
	}
	if w.waitsForTime(takes) && (len(takes) == 0 || c.oneIn(8)) {
		return move{kind: tick}, true
	}
	if len(takes) == 0 {
		i := slices.IndexFunc(w.actors, func(a *actor) bool { return a.state == alive })
		return move{kind: cancel, actor: i}, i >= 0
	}
	m := c.pick(takes)
	if wild && len(c.p.faults) > 0 && w.actors[m.actor].mortal && c.oneIn(40) {
		m.fault = c.p.faults[c.rng.IntN(len(c.p.faults))]
	}
	return m, true
}

// changeMoods makes some actors hasty and some sluggish.
func (c *chance) changeMoods() {
	for i := range c.mood {
		c.mood[i] = []int{1, 30, 1000}[c.rng.IntN(3)]
	}
}

// pick draws an operation.
func (c *chance) pick(takes []move) move {
	sum := 0
	for _, m := range takes {
		sum += c.mood[m.actor]
	}
	n := c.rng.IntN(sum)
	for _, m := range takes {
		if n -= c.mood[m.actor]; n < 0 {
			return m
		}
	}
	return takes[0]
}

// accident draws what befalls actors outside of their operations.
func (c *chance) accident(takes []move, wild bool) (move, bool) {
	for _, a := range c.w.actors {
		if !a.mortal {
			continue
		}
		waits := slices.ContainsFunc(takes, func(m move) bool { return m.actor == a.number })
		switch {
		case a.state != alive && a.faulty && wild && a.life < c.p.lives && c.oneIn(6):
			return move{kind: []moveKind{restart, replace}[c.rng.IntN(2)], actor: a.number}, true
		case a.hangs && !waits && (!wild || c.oneIn(20)):
			return move{kind: cancel, actor: a.number}, true
		case a.state == alive && wild && c.oneIn(300):
			return move{kind: crash, actor: a.number}, true
		case wild && c.oneIn(100):
			by := time.Duration(c.rng.Int64N(int64(40*24*time.Hour))) - 20*24*time.Hour
			return move{kind: skew, actor: a.number, by: by}, true
		}
	}
	return move{}, false
}
