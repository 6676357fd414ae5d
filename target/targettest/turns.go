package targettest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/qsnap/qsnap/target"
)

// Turns let actors share a Memory one operation at a time: each operation waits until a
// scheduler takes its turn. So a test chooses the order of operations and sees every
// result that an actor gets.
//
// An operation waits on a channel. So in a bubble of testing/synctest, provided that the
// actors hold no mutex during an operation, synctest.Wait returns when every actor waits
// for a turn or for time to pass, or has ended.
type Turns struct {
	// Free reports which operations need no turn and happen at once. Nil means none.
	Free func(Op) bool
	// Between, if set, makes a list take two turns, the second with the method "listed". Of
	// the objects that were put or deleted between the two, the list yields those for which
	// Between returns true: the contract leaves that open. If Between is nil, a list takes
	// one turn.
	Between func(name string) bool

	mem     *Memory
	arrived chan struct{}

	mu      sync.Mutex
	waiting []*Turn
}

// NewTurns returns Turns on a Memory.
func NewTurns(m *Memory) *Turns {
	return &Turns{mem: m, arrived: make(chan struct{}, 1)}
}

// Arrived returns a channel from which a value can be received if an operation has
// started to wait since the last receive.
func (t *Turns) Arrived() <-chan struct{} { return t.arrived }

// Waiting returns the waiting operations, in an order that depends only on what they are.
func (t *Turns) Waiting() []*Turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := slices.Clone(t.waiting)
	slices.SortStableFunc(out, func(a, b *Turn) int {
		return cmp.Or(cmp.Compare(a.Actor.number, b.Actor.number), cmp.Compare(a.Op.Method, b.Op.Method), cmp.Compare(a.Op.Name, b.Op.Name),
			cmp.Compare(a.Op.Off, b.Op.Off), cmp.Compare(a.Op.Len, b.Op.Len), cmp.Compare(a.Op.Size, b.Op.Size))
	})
	return out
}

// A Turn is a waiting operation.
type Turn struct {
	Actor *Actor
	Op    Op // without N

	perform func(half bool) Outcome
	done    chan Outcome
	hung    bool // it waits only for its context to end
}

// An Outcome is the result of an operation.
type Outcome struct {
	// Before and After are the object of that name, or nil if there was none.
	Before, After []byte
	Data          []byte        // what a get returned
	Infos         []target.Info // what a stat or a list returned
	Err           error         // what the actor got
}

// Take performs the operation, with a fault, and lets the actor continue. The operation
// must be waiting.
func (t *Turn) Take(fault Fault) Outcome {
	turns := t.Actor.turns
	if fault == Hang {
		turns.mu.Lock()
		defer turns.mu.Unlock()
		t.hung = true
		turns.remove(t)
		t.Actor.hung = append(t.Actor.hung, t)
		return Outcome{}
	}
	var out Outcome
	if fault == None || fault == FailAfter || fault == CrashAfter {
		out = t.perform(false)
	} else if fault == Tear || fault == CrashTear {
		out = t.perform(true)
	}
	switch {
	case fault >= Crash:
		out.Err = errors.Join(ErrCrash, out.Err)
	case fault != None:
		out.Err = errors.Join(ErrFault, out.Err)
	}
	turns.mu.Lock()
	turns.remove(t)
	turns.mu.Unlock()
	t.done <- out
	if fault >= Crash {
		t.Actor.Crash()
	}
	return out
}

// Foresee returns what the outcome would be if the turn were taken now, and changes
// nothing. Lists must take one turn.
func (t *Turn) Foresee() Outcome {
	out := t.perform(false)
	if t.Op.Method == "put" || t.Op.Method == "delete" {
		t.Actor.turns.mem.Set(t.Op.Name, out.Before)
	}
	return out
}

// remove removes a turn from the waiting ones. The caller holds t.mu.
func (t *Turns) remove(turn *Turn) {
	if i := slices.Index(t.waiting, turn); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
}

// An Actor is the Memory as one actor uses it.
type Actor struct {
	turns  *Turns
	number int

	crashed bool // this and the following fields are guarded by turns.mu
	hung    []*Turn
}

var _ target.Target = (*Actor)(nil)

// Actor returns the Memory for an actor. The number determines the order of turns.
func (t *Turns) Actor(number int) *Actor { return &Actor{turns: t, number: number} }

// Number returns the actor's number.
func (a *Actor) Number() int { return a.number }

// Crash makes all waiting and all later operations do nothing and fail with ErrCrash, as
// if the actor's process had died.
func (a *Actor) Crash() {
	a.turns.mu.Lock()
	defer a.turns.mu.Unlock()
	a.crashed = true
	dead := a.hung
	a.turns.waiting = slices.DeleteFunc(a.turns.waiting, func(t *Turn) bool {
		if t.Actor == a {
			dead = append(dead, t)
		}
		return t.Actor == a
	})
	for _, t := range dead {
		t.done <- Outcome{Err: ErrCrash}
	}
	a.hung = nil
}

// turn waits until an operation's turn is taken, and returns its outcome.
func (a *Actor) turn(ctx context.Context, op Op, perform func(half bool) Outcome) Outcome {
	if err := ctx.Err(); err != nil {
		return Outcome{Err: err}
	}
	if a.turns.Free != nil && a.turns.Free(op) {
		return perform(false)
	}
	t := &Turn{Actor: a, Op: op, perform: perform, done: make(chan Outcome, 1)}
	a.turns.mu.Lock()
	if a.crashed {
		a.turns.mu.Unlock()
		return Outcome{Err: ErrCrash}
	}
	a.turns.waiting = append(a.turns.waiting, t)
	a.turns.mu.Unlock()
	select {
	case a.turns.arrived <- struct{}{}:
	default:
	}
	select {
	case out := <-t.done:
		return out
	case <-ctx.Done():
		if a.withdraw(t) {
			return Outcome{Err: ctx.Err()}
		}
		return <-t.done
	}
}

// withdraw removes an operation whose context has ended, unless its outcome is already
// decided.
func (a *Actor) withdraw(t *Turn) bool {
	a.turns.mu.Lock()
	defer a.turns.mu.Unlock()
	if i := slices.Index(a.hung, t); i >= 0 {
		a.hung = slices.Delete(a.hung, i, i+1)
		return true
	}
	found := slices.Contains(a.turns.waiting, t)
	a.turns.remove(t)
	return found
}

// listing returns what a list may yield that began when there were the objects from and
// ended when there were the objects to.
func (t *Turns) listing(prefix string, from, to map[string][]byte) []target.Info {
	all := maps.Clone(from)
	maps.Copy(all, to)
	var out []target.Info
	for _, name := range slices.Sorted(maps.Keys(all)) {
		_, before := from[name]
		_, after := to[name]
		if strings.HasPrefix(name, prefix) && (before && after || t.Between(name)) {
			out = append(out, target.Info{Name: name, Size: int64(len(all[name]))})
		}
	}
	return out
}
