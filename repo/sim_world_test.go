package repo_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// A program is what some actors do on a stage at the same time.
type program struct {
	name    string
	stage   *stage
	actors  []actor // name, role and what they may do; each run has copies
	crashes int     // how many actors may die, in an explored run
	keys    bool    // the keys are changed, so that it matters when they are read
	// only, if it isn't empty, is before what an actor may be interrupted, in an explored
	// run.
	only   footprint
	breaks int // how many interruptions an explored run has at most, or everyRun; see explorer
}

// A role is what an actor does. An error is a broken promise, unless the actor has
// met with a fault or was told to stop.
type role func(ctx context.Context, a *actor) error

// An actor is a process that uses the repository.
type actor struct {
	name     string
	role     role
	may      footprint
	mortal   bool // it may die
	forgets  bool // it may delete published manifests
	world    *world
	number   int
	handle   *targettest.Actor
	cancel   context.CancelFunc
	life     int           // from 1, counting restarts
	emptied  int           // how often its cache was lost
	cache    string        // where that is
	skew     time.Duration // of its clock
	rush     time.Duration // by which its clock advances whenever it looks at it
	faulty   bool          // it has met with a fault in this life
	hangs    bool          // an operation of it does
	stopped  bool          // it was told to stop in this life
	state    actorState
	history  digest   // all that it was told by the target in this life
	news     []string // manifests that it was told are published, since it was last asked
	finished chan error
}

type actorState int

const (
	alive actorState = iota
	ended
	dead
)

// A digest identifies what it was made from.
type digest [16]byte

func digestOf(write func(h hash.Hash)) digest {
	h := sha256.New()
	write(h)
	return digest(h.Sum(nil))
}

// xor adds an object to the digest of a set, or removes it.
func (d *digest) xor(o digest) {
	for i := range d {
		d[i] ^= o[i]
	}
}

// A world is one run of a program. It belongs to a bubble.
type world struct {
	program *program
	audit   *auditor
	mem     *targettest.Memory
	turns   *targettest.Turns
	ctx     context.Context
	start   time.Time
	actors  []*actor
	ended   chan struct{} // has something to receive when an actor has ended
	moves   []move        // that were made

	stored    digest          // the set of objects
	told      map[string]bool // manifests that must be there
	forgotten map[string]bool
	broken    error // the first promise that was not kept
	trespass  error // the first change that an actor shouldn't make
}

// newWorld begins a run. It must be followed by close.
func newWorld(t *testing.T, p *program, audit *auditor) *world {
	w := &world{
		program: p, audit: audit, mem: p.stage.mem.Clone(), start: time.Now(), ended: make(chan struct{}, 1),
		told: p.stage.published(), forgotten: map[string]bool{},
	}
	var stop context.CancelFunc
	w.ctx, stop = context.WithCancel(context.Background())
	t.Cleanup(stop)
	w.turns = targettest.NewTurns(w.mem)
	w.turns.Free = func(op targettest.Op) bool {
		isKey := strings.HasPrefix(op.Name, "epochs/") || strings.HasPrefix(op.Name, "keys/")
		return op.Name == "config" || op.Name == "config-copy" || op.Name == "twin" || isKey && !p.keys
	}
	for name, b := range w.mem.Objects() {
		w.stored.xor(objectDigest(name, b))
	}
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
	a.state, a.faulty, a.hangs, a.stopped, a.history = alive, false, false, false, digest{}
	a.handle = w.turns.Actor(a.number)
	if a.cache == "" {
		var err error
		if a.cache, err = w.program.stage.cacheDir(a.name, a.emptied); err != nil {
			w.breaks(err)
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

// open opens the repository as the actor does.
func (a *actor) open(ctx context.Context) (*repo.Repo, error) {
	return repo.Open(ctx, a.handle, a.world.program.stage.key, repo.Options{
		CacheDir: a.cache,
		Rand:     seeded(fmt.Sprint(a.name, " ", a.life)),
		Now:      a.now,
	})
}

func (a *actor) now() time.Time {
	a.skew += a.rush
	return time.Now().Add(a.skew)
}

// tell notes that the actor was told that a snapshot is published.
func (a *actor) tell(m *snapshot.Manifest) {
	if a.state == alive {
		a.news = append(a.news, "snapshots/"+m.ID.String())
	}
}

// breaks notes that a promise was not kept.
func (w *world) breaks(err error) {
	if w.broken == nil {
		w.broken = err
	}
}

// settle waits until every actor waits for its turn or for time to pass, or has
// ended, and sees what became of those that have.
func (w *world) settle() {
	synctest.Wait()
	for _, a := range w.actors {
		for _, name := range a.news {
			w.told[name] = true
			delete(w.forgotten, name)
		}
		a.news = nil
		if a.state != alive {
			continue
		}
		select {
		case err := <-a.finished:
			a.state = ended
			if err != nil && !a.faulty && w.ctx.Err() == nil {
				w.breaks(fmt.Errorf("%s failed, though nothing had happened to it: %w", a.name, err))
			}
		default:
		}
	}
}

// takes returns the operations that can happen next.
func (w *world) takes() []move {
	var out []move
	for _, t := range w.turns.Waiting() {
		m := move{kind: take, actor: t.Actor.Number(), op: t.Op}
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// waitsForTime reports whether somebody alive waits for time to pass: nobody waits
// for anything else.
func (w *world) waitsForTime(takes []move) bool {
	return slices.ContainsFunc(w.actors, func(a *actor) bool {
		return a.state == alive && !a.hangs && !slices.ContainsFunc(takes, func(m move) bool { return m.actor == a.number })
	})
}

// has reports whether an object is there.
func (w *world) has(name string) bool {
	_, err := w.mem.Stat(context.Background(), name)
	return err == nil
}

// isPrivate reports whether a move changes nothing, and nobody else who is alive
// can ever make it have another outcome: then it can be made at once, and nothing
// is missed.
func (w *world) isPrivate(m move) bool {
	if changes(m.op) || m.op.Method == "listed" {
		return false
	}
	return !slices.ContainsFunc(w.actors, func(a *actor) bool {
		return a.number != m.actor && a.state == alive && a.may.disturb(m.op, w.has(m.op.Name))
	})
}

// make makes a move, waits until all is quiet, and checks what was promised.
func (w *world) make(m move) error {
	w.moves = append(w.moves, m)
	a := w.actors[m.actor]
	switch m.kind {
	case take:
		if err := w.take(a, m); err != nil {
			return err
		}
	case crash:
		a.handle.Crash()
		a.die()
	case tick:
		w.tick()
	case cancel:
		a.faulty, a.hangs, a.stopped = true, false, true
		a.cancel()
	case restart, replace:
		if m.kind == replace {
			a.emptied, a.cache = a.emptied+1, ""
		}
		w.begin(a)
	case skew:
		a.skew += m.by
	}
	w.settle()
	return nil
}

// die has an actor's process be gone: whatever it still does reaches nobody.
func (a *actor) die() {
	a.state, a.faulty = dead, true
	a.cancel()
}

func (w *world) take(a *actor, m move) error {
	i := slices.IndexFunc(w.turns.Waiting(), func(t *targettest.Turn) bool { return t.Actor == a.handle && t.Op == m.op })
	if i < 0 {
		return fmt.Errorf("the actors don't repeat themselves: %s does not come", m.text(w.actors))
	}
	out := w.turns.Waiting()[i].Take(m.fault)
	if m.fault != targettest.None {
		a.faulty = true
	}
	a.hangs = a.hangs || m.fault == targettest.Hang
	if m.fault >= targettest.Crash {
		a.die()
	}
	a.record(m, out)
	if changes(m.op) {
		if !a.may.has(m.op) && w.trespass == nil {
			w.trespass = fmt.Errorf("%s, which its footprint leaves out", m.text(w.actors))
		}
		w.changed(a, m, out)
	}
	return nil
}

// record adds to what the actor knows.
func (a *actor) record(m move, out targettest.Outcome) {
	a.history = digestOf(func(h hash.Hash) {
		h.Write(a.history[:])
		fmt.Fprint(h, m.op, m.op.Size, m.fault, out.Err, len(out.Data), " ")
		h.Write(out.Data)
		for _, info := range out.Infos {
			fmt.Fprint(h, info.Name, info.Size, " ")
		}
	})
}

// changed keeps account of what is stored.
func (w *world) changed(a *actor, m move, out targettest.Outcome) {
	if out.Before != nil {
		w.stored.xor(objectDigest(m.op.Name, out.Before))
	}
	if out.After != nil {
		w.stored.xor(objectDigest(m.op.Name, out.After))
	}
	gone := m.op.Method == "delete" && out.Before != nil && out.After == nil
	if gone && a.forgets {
		w.forgotten[m.op.Name] = true
	}
}

func objectDigest(name string, b []byte) digest {
	return digestOf(func(h hash.Hash) {
		fmt.Fprint(h, name, " ")
		h.Write(b)
	})
}

// tick lets time pass until a timer wakes somebody.
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
		w.breaks(errors.New("an actor waits for ever"))
	}
}

// state returns what all that can follow depends on.
func (w *world) state() digest {
	return digestOf(func(h hash.Hash) {
		h.Write(w.stored[:])
		binary.Write(h, binary.LittleEndian, time.Since(w.start))
		for _, a := range w.actors {
			fmt.Fprint(h, " ", a.state, a.life, a.emptied, a.skew)
			if a.state == alive {
				h.Write(a.history[:])
			}
		}
		for _, set := range []map[string]bool{w.told, w.forgotten} {
			var sum digest
			for name := range set {
				sum.xor(objectDigest(name, nil))
			}
			h.Write(sum[:])
		}
	})
}

// check checks what must always hold.
func (w *world) check() error {
	if w.broken != nil {
		return w.broken
	}
	objects := w.mem.Objects()
	w.audit.learnKeys(w.program.stage, objects)
	for name := range w.told {
		if !w.forgotten[name] && !w.audit.isManifest(name, objects[name]) {
			return fmt.Errorf("%s was reported as published and is gone", shortObject(name))
		}
	}
	return w.audit.check(w.stored, objects)
}

func shortObject(name string) string {
	dir, last, _ := strings.Cut(name, "/")
	return dir + "/" + last[:min(8, len(last))]
}

// close ends the run: all actors die.
func (w *world) close() {
	for _, a := range w.actors {
		a.handle.Crash()
		a.cancel()
	}
	synctest.Wait()
}
