package sim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A scheduler draws the next move of a random run.
type scheduler struct {
	p       *randomProgram
	w       *world
	rng     *rand.Rand
	weights []int // by actor: how likely its operations are
}

// oneIn is true once in n times.
func (c *scheduler) oneIn(n int) bool { return c.rng.IntN(n) == 0 }

// next returns the next move, or false at the end of the run.
func (c *scheduler) next() (move, bool) {
	w := c.w
	operations := w.operations()
	wild := len(w.moves) < c.p.steps
	if len(w.moves)%16 == 0 {
		c.drawWeights()
	}
	if m, ok := c.drawAccident(operations, wild); ok {
		return m, true
	}
	if w.waitsForTime(operations) && (len(operations) == 0 || c.oneIn(8)) {
		return move{kind: tick}, true
	}
	if len(operations) == 0 {
		i := slices.IndexFunc(w.actors, func(a *actor) bool { return a.state == alive })
		return move{kind: cancel, actor: i}, i >= 0
	}
	m := c.drawOperation(operations)
	if wild && len(c.p.faults) > 0 && w.actors[m.actor].mortal && c.oneIn(40) {
		m.fault = c.p.faults[c.rng.IntN(len(c.p.faults))]
	}
	return m, true
}

// drawWeights makes some actors fast and others slow.
func (c *scheduler) drawWeights() {
	for i := range c.weights {
		c.weights[i] = []int{1, 30, 1000}[c.rng.IntN(3)]
	}
}

// drawOperation draws one of the operations that can happen.
func (c *scheduler) drawOperation(operations []move) move {
	sum := 0
	for _, m := range operations {
		sum += c.weights[m.actor]
	}
	n := c.rng.IntN(sum)
	for _, m := range operations {
		if n -= c.weights[m.actor]; n < 0 {
			return m
		}
	}
	return operations[0]
}

// drawAccident draws what happens to an actor apart from its operations.
func (c *scheduler) drawAccident(operations []move, wild bool) (move, bool) {
	for _, a := range c.w.actors {
		if !a.mortal {
			continue
		}
		waits := slices.ContainsFunc(operations, func(m move) bool { return m.actor == a.number })
		switch {
		case a.state != alive && a.faulty && wild && a.life < c.p.lives && c.oneIn(6):
			return move{kind: []moveKind{restart, replace}[c.rng.IntN(2)], actor: a.number}, true
		case a.hanging && !waits && (!wild || c.oneIn(20)):
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
