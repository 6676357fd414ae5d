package repo_test

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// An explorer makes every run of a program that differs in anything that matters.
//
// Processes can't be copied, so it repeats runs from the start, in two ways fewer
// than there are orders of operations. A state that was met before is not gone on
// from: the state is what is stored and all that each actor was told, and actors
// that were told the same do the same. And where two operations can be swapped
// without making a difference, only one order is tried (sleep sets; Godefroid,
// "Partial-Order Methods for the Verification of Concurrent Systems", 1996), which
// leaves out runs but no state.
//
// Runs in which few actors are interrupted come first, where others go on though an
// actor could: if anything is wrong, a short story is likely to show it. Where all
// runs are too many, those with a few interruptions are made (Musuvathi and Qadeer,
// "Iterative context bounding for systematic testing of multithreaded programs",
// 2007).
type explorer struct {
	program *program
	audit   *auditor
	queue   [][]task          // by the number of interruptions
	visited map[digest][]move // each state, and what needn't be done there

	breaks               int // interruptions in a run, at most
	replays, steps, ends int
	replayed             int            // moves that were made only to get where something is new
	see                  func(w *world) // is called in every state, if it isn't nil
	found                *failure
}

// A failure is a promise that was broken, and how.
type failure struct {
	err   error
	moves []move
}

// A task is a run to be made: moves made before, the last of which is new.
type task struct {
	path  *path
	from  digest // the state before the last move
	sleep []move // what needn't be done behind it
}

// A path is a list of moves, the last first.
type path struct {
	before *path
	move   move
	length int
	breaks int // how often an actor was interrupted
}

// then returns the path that goes on with a move; others could be made.
func (p *path) then(m move, others []move) *path {
	if p == nil {
		return &path{move: m, length: 1}
	}
	next := &path{before: p, move: m, length: p.length + 1, breaks: p.breaks}
	could := slices.ContainsFunc(others, func(o move) bool { return o.kind == take && o.actor == p.move.actor })
	if could && m.kind != crash && (m.kind != take || m.actor != p.move.actor) {
		next.breaks++
	}
	return next
}

func (p *path) moves() []move {
	if p == nil {
		return nil
	}
	out := make([]move, p.length)
	for ; p != nil; p = p.before {
		out[p.length-1] = p.move
	}
	return out
}

// explore makes all runs of a program, and fails the test at the first promise that
// is broken.
func explore(t *testing.T, p *program) {
	t.Helper()
	began := time.Now()
	e := newExplorer(t, p)
	e.explore(t)
	took := time.Since(began)
	if left := len(slices.Concat(e.queue...)); left > 0 && e.found == nil {
		t.Logf("%s: runs with up to %d interruptions; %d and more are left", p.name, e.breaks, left)
	}
	t.Logf("%s: %d states, %d ends, in %d replays of %d moves (%d repeated): %v, %v each", p.name,
		len(e.visited), e.ends, e.replays, e.steps, e.replayed, took.Round(time.Millisecond), (took / time.Duration(e.replays)).Round(time.Microsecond))
	if e.found != nil {
		t.Fatalf("broken promise in program %q: %v, after\n%s", p.name, e.found.err, traceText(e.found.moves, actorsOf(p)))
	}
}

func newExplorer(t testing.TB, p *program) *explorer {
	e := &explorer{program: p, audit: newAuditor(t, p.stage), visited: map[digest][]move{}, breaks: p.breaks}
	if n, ok := environment(t, "QSNAP_SIM_INTERRUPTIONS"); ok {
		e.breaks = int(n)
	}
	if e.breaks == 0 {
		e.breaks = math.MaxInt - 1
	}
	return e
}

// explore makes runs until a promise is broken or nothing new is left.
func (e *explorer) explore(t *testing.T) {
	e.push(task{})
	for next, ok := e.pop(); ok && e.found == nil && !t.Failed(); next, ok = e.pop() {
		synctest.Test(t, func(t *testing.T) { e.run(t, next) })
	}
}

func actorsOf(p *program) []*actor {
	var out []*actor
	for i := range p.actors {
		out = append(out, &p.actors[i])
	}
	return out
}

func (e *explorer) push(next task) {
	level := 0
	if next.path != nil {
		level = next.path.breaks
	}
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
	defer w.close()
	for i, m := range next.path.moves() {
		if last := i == next.path.length-1; last && w.state() != next.from {
			t.Fatalf("the actors don't repeat themselves:\n%s", traceText(w.moves, w.actors))
		}
		e.steps++
		e.replayed++
		if err := w.make(m); err != nil {
			t.Fatalf("%v, after\n%s", err, traceText(w.moves, w.actors))
		}
	}
	e.replayed = max(0, e.replayed-1)
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
		if err := w.make(m); err != nil {
			t.Fatalf("%v, after\n%s", err, traceText(w.moves, w.actors))
		}
	}
}

// choose returns a path on, and what needn't be done behind it, and puts the others
// in the queue. It returns false where nothing new can come.
func (e *explorer) choose(w *world, at *path, sleep []move) (*path, []move, bool) {
	state := w.state()
	moves := e.moves(w)
	known, visited := e.visited[state]
	if !visited {
		known = moves
		if len(moves) == 0 {
			e.end(w)
		}
	}
	todo := without(known, sleep)
	sleep = common(known, sleep)
	e.visited[state] = sleep
	if len(todo) == 0 {
		return nil, nil, false
	}
	// Who was on goes on, if it can.
	slices.SortStableFunc(todo, func(a, b move) int { return rank(at, a) - rank(at, b) })
	done := slices.Clone(sleep)
	var first task
	for i, m := range todo {
		next := task{at.then(m, moves), state, keep(done, func(d move) bool { return independent(d, m) })}
		if i == 0 {
			first = next
		} else {
			e.push(next)
		}
		done = append(done, m)
	}
	if at != nil && first.path.breaks > at.breaks {
		e.push(first)
		return nil, nil, false
	}
	return first.path, first.sleep, true
}

func rank(at *path, m move) int {
	switch {
	case m.kind != take:
		return 2
	case at == nil || at.move.actor != m.actor:
		return 1
	}
	return 0
}

// moves returns what can be done in a state and has to be tried there.
func (e *explorer) moves(w *world) []move {
	for _, m := range w.takes() {
		if w.isPrivate(m) {
			return []move{m}
		}
	}
	return e.allMoves(w)
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
	if err := finale(w); err != nil && e.found == nil {
		e.found = &failure{err, w.moves}
	}
}

func keep(moves []move, pick func(move) bool) []move {
	return slices.DeleteFunc(slices.Clone(moves), func(m move) bool { return !pick(m) })
}

func without(moves, others []move) []move {
	return keep(moves, func(m move) bool { return !slices.Contains(others, m) })
}

func common(moves, others []move) []move {
	return keep(moves, func(m move) bool { return slices.Contains(others, m) })
}
