package sim

import (
	"fmt"
	"hash"
	"slices"
)

// A task is a run to make: the moves up to a new one.
type task struct {
	path  *path
	from  digest // the state before the last move
	sleep []move // moves that needn't be tried after it
	to    digest // the predicted state after it, or zero
}

// A path is a list of moves, linked from the last to the first.
type path struct {
	before        *path
	move          move
	length        int
	running       int // the actor that made the last move, or -1
	interruptions int // how often another actor went on though the running one could
}

// then returns the path with one more move, out of those that can be made.
func (p *path) then(m move, can choices) *path {
	next := &path{before: p, move: m, length: p.length + 1, running: m.actor, interruptions: p.interruptions}
	switch {
	case can.private:
		next.running = p.running
	case m.kind != crash && can.canGoOn(p.running) && (m.kind != operation || m.actor != p.running):
		next.interruptions++
	}
	return next
}

// Choices are the moves to try in a state, and all operations that could happen. A private
// choice is a single operation that no other actor can disturb.
type choices struct {
	moves      []move
	private    bool
	operations []move
}

// canGoOn reports whether an actor has an operation to make.
func (c choices) canGoOn(actor int) bool {
	return slices.ContainsFunc(c.operations, func(m move) bool { return m.actor == actor })
}

// moves returns the moves in the order in which they are made.
func (p *path) moves() []move {
	out := make([]move, p.length)
	for ; p.length > 0; p = p.before {
		out[p.length-1] = p.move
	}
	return out
}

// withRunning returns a key for a state in which an actor is running and can go on.
func withRunning(state digest, actor int) digest {
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
