package sim

import (
	"fmt"
	"hash"
	"slices"
)

// A task is a run to be made: moves made before, the last of which is new.
type task struct {
	path  *path
	from  digest // the state before the last move
	sleep []move // what needn't be done behind it
	to    digest // the state to come, or zero
}

// A path is a list of moves, the last first.
type path struct {
	before *path
	move   move
	length int
	on     int // the actor that is on, or -1
	breaks int // how often an actor was interrupted that was on
}

// then returns the path that goes on with one of the moves that can be made.
func (p *path) then(m move, can choices) *path {
	next := &path{before: p, move: m, length: p.length + 1, on: m.actor, breaks: p.breaks}
	switch {
	case can.private:
		next.on = p.on
	case m.kind != crash && can.goOn(p.on) && (m.kind != take || m.actor != p.on):
		next.breaks++
	}
	return next
}

// choices are the moves to be tried in a state, of all operations that could happen.
// If they are private it is one that nobody can disturb, whoever is on.
type choices struct {
	moves   []move
	private bool
	takes   []move
}

// goOn reports whether an actor has something to do.
func (c choices) goOn(actor int) bool {
	return slices.ContainsFunc(c.takes, func(m move) bool { return m.actor == actor })
}

func (p *path) moves() []move {
	out := make([]move, p.length)
	for ; p.length > 0; p = p.before {
		out[p.length-1] = p.move
	}
	return out
}

// inTurn returns a key for a state in which an actor is on and can go on.
func inTurn(state digest, actor int) digest {
	state.xor(digestOf(func(h hash.Hash) { fmt.Fprint(h, actor) }))
	return state
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
