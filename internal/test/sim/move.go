package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/qsnap/qsnap/target/targettest"
)

// A move is what can happen next. It names an actor and an operation, not a goroutine, so that
// a run can be repeated.
type move struct {
	kind  moveKind
	actor int
	op    targettest.Op    // of an operation
	fault targettest.Fault // of an operation
	by    time.Duration    // of skew
}

type moveKind int

const (
	operation moveKind = iota // an operation happens
	crash                     // an actor crashes
	tick                      // time passes until a timer wakes somebody
	cancel                    // an actor's context is cancelled
	restart                   // an actor begins again, with the cache it had
	replace                   // an actor begins again, with an empty cache
	skew                      // an actor's clock jumps
)

var faultNames = map[targettest.Fault]string{
	targettest.None: "", targettest.Fail: " fails", targettest.FailAfter: " is reported as failed", targettest.Tear: " is torn",
	targettest.Hang: " hangs", targettest.Crash: " crashes", targettest.CrashAfter: " crashes when done", targettest.CrashTear: " crashes, torn",
}

// text says what happens, for a list of moves.
func (m move) text(actors []*actor) string {
	name := func() string { return actors[m.actor].name }
	switch m.kind {
	case operation:
		return name() + ": " + m.op.String() + faultNames[m.fault]
	case crash:
		return name() + " crashes"
	case tick:
		return "time passes"
	case cancel:
		return name() + " is cancelled"
	case restart:
		return name() + " begins again"
	case replace:
		return name() + " begins again, its cache lost"
	case skew:
		return fmt.Sprintf("%s's clock jumps by %v", name(), m.by)
	}
	return "?"
}

// traceText lists the moves of a run.
func traceText(moves []move, actors []*actor) string {
	var out strings.Builder
	for i, m := range moves {
		fmt.Fprintf(&out, "%4d  %s\n", i+1, m.text(actors))
	}
	return out.String()
}

// independent reports whether two moves lead to the same state in either order, and neither
// prevents the other.
func independent(a, b move) bool {
	if a.kind > crash || b.kind > crash || a.actor == b.actor {
		return false
	}
	return a.kind == crash || b.kind == crash || !conflict(a.op, b.op)
}

// conflict reports whether the order of two operations matters.
func conflict(a, b targettest.Op) bool {
	if !changes(a) && !changes(b) {
		return false
	}
	return sees(a, b.Name) && changes(b) || sees(b, a.Name) && changes(a)
}

// changes reports whether an operation may change what is stored.
func changes(op targettest.Op) bool { return op.Method == "put" || op.Method == "delete" }

// sees reports whether an operation depends on an object.
func sees(op targettest.Op, name string) bool {
	switch op.Method {
	case "list":
		return strings.HasPrefix(name, op.Name)
	case "listed":
		return true
	}
	return op.Name == name
}

// what names the kind of a move, for counting.
func (m move) what() string {
	switch {
	case m.kind == operation && m.fault != targettest.None:
		return faultNames[m.fault][1:]
	case m.kind == operation:
		return "operations"
	case m.kind == skew:
		return "clock jumps"
	}
	m.actor = 0
	return m.text([]*actor{{name: "somebody"}})
}
