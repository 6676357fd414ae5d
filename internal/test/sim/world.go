package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/target/targettest"
)

// A world is one run of a program. It lives in a synctest bubble, where time passes only when
// all actors wait.
type world struct {
	program *program
	audit   *auditor
	mem     *targettest.Memory
	turns   *targettest.Turns
	ctx     context.Context
	start   time.Time
	actors  []*actor
	ended   chan struct{} // receives when an actor has ended
	moves   []move        // so far

	stored     digest          // the set of objects
	published  map[string]bool // manifests that must exist
	forgotten  map[string]bool // manifests that an actor has forgotten
	resumed    int             // files that were taken over from dead runs
	broken     error           // the first broken promise
	undeclared error           // the first change outside of an actor's footprint
}

// newWorld begins a run. The caller must close it.
func newWorld(t *testing.T, p *program, audit *auditor) *world {
	w := &world{
		program: p, audit: audit, mem: p.stage.mem.Clone(), start: time.Now(), ended: make(chan struct{}, 1),
		published: maps.Clone(p.stage.published), forgotten: map[string]bool{},
	}
	var stop context.CancelFunc
	w.ctx, stop = context.WithCancel(context.Background())
	t.Cleanup(stop)
	w.turns = targettest.NewTurns(w.mem)
	w.turns.Free = func(op targettest.Op) bool {
		name := strings.TrimPrefix(op.Name, twinPrefix)
		isKey := strings.HasPrefix(name, "epochs/") || strings.HasPrefix(name, "keys/")
		return name == "config" || name == "config-copy" || name == "twin" || isKey && !p.keys
	}
	w.stored = p.stage.digest()
	for i := range p.actors {
		a := p.actors[i]
		a.world, a.number = w, i
		w.actors = append(w.actors, &a)
		w.begin(&a)
	}
	synctest.Wait()
	return w
}

// begin starts an actor's next life.
func (w *world) begin(a *actor) {
	a.life++
	a.state, a.faulty, a.hanging, a.history = alive, false, false, digest{}
	a.handle = w.turns.Actor(a.number)
	if a.cache == "" {
		var err error
		if a.cache, err = w.program.stage.cacheDir(a.name, a.cachesLost); err != nil {
			w.promiseBroken(err)
		}
	}
	a.finished = make(chan error, 1)
	var ctx context.Context
	ctx, a.cancel = context.WithCancel(w.ctx)
	go func() {
		a.finished <- a.role(ctx, a)
		select {
		case w.ended <- struct{}{}:
		default:
		}
	}()
}

// promiseBroken records a broken promise. Only the first counts.
func (w *world) promiseBroken(err error) {
	if w.broken == nil {
		w.broken = err
	}
}

// settle waits until every actor waits for its turn or for a timer, or has ended. Then it
// learns what they have published, and which have ended.
func (w *world) settle() {
	synctest.Wait()
	for _, a := range w.actors {
		for _, n := range a.reports {
			name := n.prefix + "snapshots/" + n.snapshot.ID.String()
			w.published[name] = true
			delete(w.forgotten, name)
			w.resumed += w.resumes(n)
		}
		a.reports = nil
		if a.state != alive {
			continue
		}
		select {
		case err := <-a.finished:
			a.state = ended
			if err != nil && !a.faulty && !w.program.torn && w.ctx.Err() == nil {
				w.promiseBroken(fmt.Errorf("%s failed without a fault: %w", a.name, err))
			}
		default:
		}
	}
}

// operations returns the operations that can happen next.
func (w *world) operations() []move {
	var out []move
	for _, t := range w.turns.Waiting() {
		m := move{kind: operation, actor: t.Actor.Number(), op: t.Op}
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// waitsForTime reports whether a live actor waits for a timer.
func (w *world) waitsForTime(operations []move) bool {
	return slices.ContainsFunc(w.actors, func(a *actor) bool {
		return a.state == alive && !a.hanging && !slices.ContainsFunc(operations, func(m move) bool { return m.actor == a.number })
	})
}

// has reports whether an object exists.
func (w *world) has(name string) bool {
	_, err := w.mem.Stat(context.Background(), name)
	return err == nil
}

// isPrivate reports whether a move changes nothing and no other live actor can change its
// outcome. Such a move can be made at once: no run is missed.
func (w *world) isPrivate(m move) bool {
	if changes(m.op) || m.op.Method == "listed" {
		return false
	}
	return !slices.ContainsFunc(w.actors, func(a *actor) bool {
		return a.number != m.actor && a.state == alive && a.footprint.disturb(m.op, w.has(m.op.Name))
	})
}

// do makes a move and waits until all is quiet. An error means that it can't be made.
func (w *world) do(m move) error {
	w.moves = append(w.moves, m)
	a := w.actors[m.actor]
	switch m.kind {
	case operation:
		if err := w.operate(a, m); err != nil {
			return err
		}
	case crash:
		a.die(a.handle.Crash)
	case tick:
		w.tick()
	case cancel:
		a.faulty, a.hanging = true, false
		a.cancel()
	case restart, replace:
		if m.kind == replace {
			a.cachesLost, a.cache = a.cachesLost+1, ""
		}
		w.begin(a)
	case skew:
		a.skew += m.by
	}
	w.settle()
	return nil
}

// operate lets one operation happen.
func (w *world) operate(a *actor, m move) error {
	i := slices.IndexFunc(w.turns.Waiting(), func(t *targettest.Turn) bool { return t.Actor == a.handle && t.Op == m.op })
	if i < 0 {
		return fmt.Errorf("the actors don't repeat themselves: %s does not come", m.text(w.actors))
	}
	turn := w.turns.Waiting()[i]
	var out targettest.Outcome
	if m.fault >= targettest.Crash {
		a.die(func() { out = turn.Take(m.fault) })
	} else {
		out = turn.Take(m.fault)
	}
	a.faulty = a.faulty || m.fault != targettest.None
	a.hanging = a.hanging || m.fault == targettest.Hang
	a.history = a.historyAfter(m, out)
	if changes(m.op) {
		if !a.footprint.has(m.op) && w.undeclared == nil {
			w.undeclared = fmt.Errorf("%s, which its footprint leaves out", m.text(w.actors))
		}
		w.changed(a, m, out)
	}
	return nil
}

// changed keeps account of the set of objects.
func (w *world) changed(a *actor, m move, out targettest.Outcome) {
	w.stored.change(m.op.Name, out)
	gone := m.op.Method == "delete" && out.Before != nil && out.After == nil
	if gone && a.mayForget {
		w.forgotten[m.op.Name] = true
	}
}

// tick lets time pass until a timer wakes an actor.
func (w *world) tick() {
	for len(w.ended) > 0 {
		<-w.ended
	}
	for len(w.turns.Arrived()) > 0 {
		<-w.turns.Arrived()
	}
	select {
	case <-w.turns.Arrived():
	case <-w.ended:
	case <-time.After(1000 * time.Hour):
		w.promiseBroken(errors.New("an actor waits for ever"))
	}
}

// check checks what must hold after every move.
func (w *world) check() error {
	if w.broken != nil {
		return w.broken
	}
	objects := w.mem.Objects()
	w.audit.learnKeys(w.program.stage, objects)
	for name := range w.published {
		if !w.forgotten[name] && !w.audit.isManifest(strings.TrimPrefix(name, twinPrefix), objects[name]) {
			return fmt.Errorf("%s was reported as published and is gone", shortObject(name))
		}
	}
	return w.audit.check(w.program.stage, w.stored, objects)
}

// shortObject shortens an object's name for a message.
func shortObject(name string) string {
	i := strings.LastIndex(name, "/") + 1
	return name[:min(i+8, len(name))]
}

// close ends the run: all actors crash.
func (w *world) close() {
	for _, a := range w.actors {
		a.handle.Crash()
		a.cancel()
	}
	synctest.Wait()
}
