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
// A process can't be copied, so the explorer repeats runs from the start. It makes fewer
// runs than there are orders of operations, for three reasons. It doesn't go on from a state
// that it knows: a state is the set of objects and the history of each actor, and actors
// with the same history do the same. It makes an operation that no other actor can disturb
// at once. And where two operations can be swapped without a difference, it tries only one
// order (sleep sets; Godefroid, "Partial-Order Methods for the Verification of Concurrent
// Systems", 1996), which leaves out runs but no state.
//
// If there are too many runs, it makes those with few interruptions: an actor is interrupted
// where another one goes on though it could itself (Musuvathi and Qadeer, "Iterative context
// bounding for systematic testing of multithreaded programs", 2007). Then it tries both
// orders of two operations, because they may differ in interruptions. Runs with fewer
// interruptions come first, so a broken promise is likely to be shown by a short run.
type explorer struct {
	program       *program
	audit         *auditor
	interruptions int               // in a run at most, or allInterruptions
	queue         [][]task          // by the number of interruptions
	visited       map[digest][]move // by state, and running actor if interruptions count: the sleep set

	replays, steps, ends int
	repeated, predicted  int            // moves that only led to a new one; tasks that weren't made
	observe              func(w *world) // called in every state; may be nil
	reached              int            // how often the program reached what it tests
	found                *failure
	undeclared           error // the first change outside of a footprint
}

// allInterruptions is more interruptions than a run has.
const allInterruptions = math.MaxInt - 1

// A failure is a promise that was broken, and how.
type failure struct {
	err   error
	moves []move
}

// explore makes all runs of a program. It fails the test at the first broken promise.
func explore(t *testing.T, p *program) {
	t.Helper()
	began := time.Now()
	e := newExplorer(t, p)
	if !wholeWalks() && os.Getenv("QSNAP_SIM_INTERRUPTIONS") == "" {
		e.interruptions = min(e.interruptions, fewInterruptions)
	}
	e.explore(t)
	took := time.Since(began)
	if left := len(slices.Concat(e.queue...)); left > 0 && e.found == nil {
		t.Logf("%s: runs with up to %d interruptions; %d and more are left", p.name, e.interruptions, left)
	}
	t.Logf("%s: %d states, %d ends, in %d replays of %d moves (%d repeated, %d predicted): %v, %v each", p.name,
		len(e.visited), e.ends, e.replays, e.steps, e.repeated, e.predicted, took.Round(time.Millisecond), (took / time.Duration(e.replays)).Round(time.Microsecond))
	p.checkReached(t, e.reached, e.found != nil)
	if e.found == nil && e.undeclared != nil {
		t.Fatalf("broken promise in program %q: %v", p.name, e.undeclared)
	}
	if e.found != nil {
		t.Fatalf("broken promise in program %q: %v, after\n%s", p.name, e.found.err, traceText(e.found.moves, actorsOf(p)))
	}
}

func newExplorer(t testing.TB, p *program) *explorer {
	e := &explorer{program: p, audit: newAuditor(t, p.stage), visited: map[digest][]move{}, interruptions: p.interruptions}
	if os.Getenv("QSNAP_SIM_INTERRUPTIONS") == "all" {
		e.interruptions = allInterruptions
	} else if n, ok := environment(t, "QSNAP_SIM_INTERRUPTIONS"); ok {
		e.interruptions = int(n)
	}
	return e
}

// explore makes runs until a promise is broken or nothing new is left.
func (e *explorer) explore(t *testing.T) {
	e.push(task{path: &path{running: -1}})
	for next, ok := e.pop(); ok && e.found == nil && !t.Failed(); next, ok = e.pop() {
		if e.isKnown(next) {
			e.predicted++
			continue
		}
		synctest.Test(t, func(t *testing.T) { e.run(t, next) })
	}
}

// isKnown reports whether a task leads to a state from which nothing is left to try.
func (e *explorer) isKnown(next task) bool {
	key := next.to
	if e.interruptions != allInterruptions {
		key = withRunning(key, next.path.running)
	}
	known, visited := e.visited[key]
	return visited && len(without(known, next.sleep)) == 0
}

// push queues a task behind those with fewer interruptions.
func (e *explorer) push(next task) {
	level := next.path.interruptions
	for len(e.queue) <= level {
		e.queue = append(e.queue, nil)
	}
	e.queue[level] = append(e.queue[level], next)
}

func (e *explorer) pop() (task, bool) {
	for i, level := range e.queue[:min(len(e.queue), e.interruptions+1)] {
		if n := len(level); n > 0 {
			next := level[n-1]
			e.queue[i] = level[:n-1]
			return next, true
		}
	}
	return task{}, false
}

// run repeats the moves of a task and goes on until nothing new is left to try.
func (e *explorer) run(t *testing.T, next task) {
	e.replays++
	w := newWorld(t, e.program, e.audit)
	defer func() {
		if w.close(); e.undeclared == nil {
			e.undeclared = w.undeclared
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
		if e.observe != nil {
			e.observe(w)
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

// choose returns the path to go on with and its sleep set, and queues the other paths. It
// returns false if nothing is left to try.
func (e *explorer) choose(w *world, at *path, sleep []move) (*path, []move, bool) {
	state := w.state()
	can := e.choices(w, at)
	key := state
	if e.interruptions != allInterruptions && can.canGoOn(at.running) {
		key = withRunning(state, at.running)
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
	slices.SortStableFunc(todo, func(a, b move) int { return at.then(a, can).interruptions - at.then(b, can).interruptions })
	var next []task
	for _, m := range todo {
		next = append(next, task{at.then(m, can), state, keep(sleep, func(s move) bool { return independent(s, m) }), w.predict(m)})
		if e.interruptions == allInterruptions {
			sleep = append(sleep, m)
		}
	}
	for _, other := range next[1:] {
		e.push(other)
	}
	if next[0].path.interruptions > at.interruptions {
		e.push(next[0])
		return nil, nil, false
	}
	return next[0].path, next[0].sleep, true
}

// choices returns the moves to try after a path.
func (e *explorer) choices(w *world, at *path) choices {
	operations := w.operations()
	for _, m := range operations {
		if w.isPrivate(m) {
			return choices{[]move{m}, true, operations}
		}
	}
	if own := e.uninterrupted(operations, at); len(own) > 0 {
		return choices{moves: own, operations: operations}
	}
	return choices{moves: e.allMoves(w), operations: operations}
}

// uninterrupted returns the operations of an actor that must not be interrupted now, if there
// is one: the running actor, or if all runs are made, the first such actor, so that the
// choice depends on nothing but the state.
func (e *explorer) uninterrupted(operations []move, at *path) []move {
	if len(e.program.interruptAt) == 0 {
		return nil
	}
	for _, first := range operations {
		if e.interruptions != allInterruptions && first.actor != at.running {
			continue
		}
		own := keep(operations, func(m move) bool { return m.actor == first.actor })
		if !slices.ContainsFunc(own, func(m move) bool { return e.program.interruptAt.has(m.op) }) {
			return own
		}
	}
	return nil
}

// allMoves returns the moves that can be made in a state.
func (e *explorer) allMoves(w *world) []move {
	operations := w.operations()
	out := slices.Clone(operations)
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
	if w.waitsForTime(operations) {
		out = append(out, move{kind: tick})
	}
	return out
}

// end is called in a state with no moves.
func (e *explorer) end(w *world) {
	e.ends++
	if e.program.reached != nil {
		e.reached += e.program.reached(w)
	}
	if err := checkEnd(w); err != nil && e.found == nil {
		e.found = &failure{err, w.moves}
	}
}
