package sim

import (
	"math"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// An explorer makes every run of a program that differs in anything that matters.
//
// Processes can't be copied, so it repeats runs from the start, in three ways fewer
// than there are orders of operations. A state that was met before is not gone on
// from: the state is what is stored and all that each actor was told, and actors
// that were told the same do the same. An operation that nobody can disturb is made
// at once. And where two operations can be swapped without making a difference, only
// one order is tried (sleep sets; Godefroid, "Partial-Order Methods for the
// Verification of Concurrent Systems", 1996), which leaves out runs but no state.
//
// Where all runs are too many, those are made in which few actors are interrupted:
// others go on though an actor could (Musuvathi and Qadeer, "Iterative context
// bounding for systematic testing of multithreaded programs", 2007). Then orders are
// not left out for being as good as others, as these may have more interruptions.
// Runs with fewer come first: if anything is wrong, a short story is likely to show
// it.
type explorer struct {
	program *program
	audit   *auditor
	breaks  int               // interruptions in a run, at most, or everyRun
	queue   [][]task          // by the number of interruptions
	visited map[digest][]move // what needn't be done in each state; of it and the actor that is on, where interruptions count

	replays, steps, ends int
	repeated, foreseen   int            // moves that were made only to get where something is new
	see                  func(w *world) // is called in every state, if it isn't nil
	counted              int            // of what the program is about
	found                *failure
	trespass             error
}

// everyRun is more interruptions than a run has.
const everyRun = math.MaxInt - 1

// A failure is a promise that was broken, and how.
type failure struct {
	err   error
	moves []move
}

// explore makes all runs of a program, and fails the test at the first promise that
// is broken.
func explore(t *testing.T, p *program) {
	t.Helper()
	began := time.Now()
	e := newExplorer(t, p)
	if !wholeWalks() && os.Getenv("QSNAP_SIM_INTERRUPTIONS") == "" {
		e.breaks = min(e.breaks, fewBreaks)
	}
	e.explore(t)
	took := time.Since(began)
	if left := len(slices.Concat(e.queue...)); left > 0 && e.found == nil {
		t.Logf("%s: runs with up to %d interruptions; %d and more are left", p.name, e.breaks, left)
	}
	t.Logf("%s: %d states, %d ends, in %d replays of %d moves (%d repeated, %d foreseen): %v, %v each", p.name,
		len(e.visited), e.ends, e.replays, e.steps, e.repeated, e.foreseen, took.Round(time.Millisecond), (took / time.Duration(e.replays)).Round(time.Microsecond))
	p.sawEnough(t, e.counted, e.found != nil)
	if e.found == nil && e.trespass != nil {
		t.Fatalf("broken promise in program %q: %v", p.name, e.trespass)
	}
	if e.found != nil {
		t.Fatalf("broken promise in program %q: %v, after\n%s", p.name, e.found.err, traceText(e.found.moves, actorsOf(p)))
	}
}

func newExplorer(t testing.TB, p *program) *explorer {
	e := &explorer{program: p, audit: newAuditor(t, p.stage), visited: map[digest][]move{}, breaks: p.breaks}
	if os.Getenv("QSNAP_SIM_INTERRUPTIONS") == "all" {
		e.breaks = everyRun
	} else if n, ok := environment(t, "QSNAP_SIM_INTERRUPTIONS"); ok {
		e.breaks = int(n)
	}
	return e
}

// explore makes runs until a promise is broken or nothing new is left.
func (e *explorer) explore(t *testing.T) {
	e.push(task{path: &path{on: -1}})
	for next, ok := e.pop(); ok && e.found == nil && !t.Failed(); next, ok = e.pop() {
		if e.needless(next) {
			e.foreseen++
			continue
		}
		synctest.Test(t, func(t *testing.T) { e.run(t, next) })
	}
}

// needless reports whether a task leads to where nothing new can come.
func (e *explorer) needless(next task) bool {
	key := next.to
	if e.breaks != everyRun {
		key = inTurn(key, next.path.on)
	}
	known, visited := e.visited[key]
	return visited && len(without(known, next.sleep)) == 0
}

func (e *explorer) push(next task) {
	level := next.path.breaks
	for len(e.queue) <= level {
		e.queue = append(e.queue, nil)
	}
	e.queue[level] = append(e.queue[level], next)
}

func (e *explorer) pop() (task, bool) {
	for i, level := range e.queue[:min(len(e.queue), e.breaks+1)] {
		if n := len(level); n > 0 {
			next := level[n-1]
			e.queue[i] = level[:n-1]
			return next, true
		}
	}
	return task{}, false
}

// run repeats the moves of a task and goes on until nothing new can come.
func (e *explorer) run(t *testing.T, next task) {
	e.replays++
	w := newWorld(t, e.program, e.audit)
	defer func() {
		if w.close(); e.trespass == nil {
			e.trespass = w.trespass
		}
	}()
	for i, m := range next.path.moves() {
		if last := i == next.path.length-1; last && w.state() != next.from {
			t.Fatalf("the actors don't repeat themselves:\n%s", traceText(w.moves, w.actors))
		}
		if err := w.do(m); err != nil {
			t.Fatalf("%v, after\n%s", err, traceText(w.moves, w.actors))
		}
	}
	e.steps += next.path.length
	e.repeated += max(0, next.path.length-1)
	at, sleep := next.path, next.sleep
	for {
		if err := w.check(); err != nil {
			e.found = &failure{err, w.moves}
			return
		}
		if e.see != nil {
			e.see(w)
		}
		next, asleep, ok := e.choose(w, at, sleep)
		if !ok {
			return
		}
		at, sleep = next, asleep
		m := at.move
		e.steps++
		if err := w.do(m); err != nil {
			t.Fatalf("%v, after\n%s", err, traceText(w.moves, w.actors))
		}
	}
}

// choose returns a path on, and what needn't be done behind it, and puts the others
// in the queue. It returns false where nothing new can come.
func (e *explorer) choose(w *world, at *path, sleep []move) (*path, []move, bool) {
	state := w.state()
	can := e.choices(w, at)
	key := state
	if e.breaks != everyRun && can.goOn(at.on) {
		key = inTurn(state, at.on)
	}
	known, visited := e.visited[key]
	if !visited {
		known = can.moves
		if len(known) == 0 {
			e.end(w)
		}
	}
	todo := without(known, sleep)
	sleep = common(known, sleep)
	e.visited[key] = sleep
	if len(todo) == 0 {
		return nil, nil, false
	}
	slices.SortStableFunc(todo, func(a, b move) int { return at.then(a, can).breaks - at.then(b, can).breaks })
	var next []task
	for _, m := range todo {
		next = append(next, task{at.then(m, can), state, keep(sleep, func(s move) bool { return independent(s, m) }), w.foresee(m)})
		if e.breaks == everyRun {
			sleep = append(sleep, m)
		}
	}
	for _, other := range next[1:] {
		e.push(other)
	}
	if next[0].path.breaks > at.breaks {
		e.push(next[0])
		return nil, nil, false
	}
	return next[0].path, next[0].sleep, true
}

// choices returns what has to be tried in a state, after a path.
func (e *explorer) choices(w *world, at *path) choices {
	takes := w.takes()
	for _, m := range takes {
		if w.isPrivate(m) {
			return choices{[]move{m}, true, takes}
		}
	}
	if own := e.amid(takes, at); len(own) > 0 {
		return choices{moves: own, takes: takes}
	}
	return choices{moves: e.allMoves(w), takes: takes}
}

// amid returns the operations of an actor that is not to be interrupted now, if there
// is one: that which is on, or where all runs are made, one that depends on nothing but
// the state.
func (e *explorer) amid(takes []move, at *path) []move {
	if len(e.program.only) == 0 {
		return nil
	}
	for _, first := range takes {
		if e.breaks != everyRun && first.actor != at.on {
			continue
		}
		own := keep(takes, func(m move) bool { return m.actor == first.actor })
		if !slices.ContainsFunc(own, func(m move) bool { return e.program.only.has(m.op) }) {
			return own
		}
	}
	return nil
}

// allMoves returns what can be done in a state.
func (e *explorer) allMoves(w *world) []move {
	takes := w.takes()
	out := slices.Clone(takes)
	deaths := 0
	for _, a := range w.actors {
		if a.state == dead {
			deaths++
		}
	}
	for _, a := range w.actors {
		if a.mortal && a.state == alive && deaths < e.program.crashes {
			out = append(out, move{kind: crash, actor: a.number})
		}
	}
	if w.waitsForTime(takes) {
		out = append(out, move{kind: tick})
	}
	return out
}

// end is called where nothing more can happen.
func (e *explorer) end(w *world) {
	e.ends++
	if e.program.about != nil {
		e.counted += e.program.about(w)
	}
	if err := finale(w); err != nil && e.found == nil {
		e.found = &failure{err, w.moves}
	}
}
