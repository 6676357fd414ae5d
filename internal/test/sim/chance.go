package sim

import (
	"math/rand/v2"
	"slices"
	"time"
)

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
