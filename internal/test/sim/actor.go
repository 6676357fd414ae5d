package sim

import (
	"context"
	"fmt"
	"hash"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// A role is what an actor does. An error breaks a promise, unless the actor has met with
// a fault or was cancelled.
type role func(ctx context.Context, a *actor) error

// An actor is a process that uses the repository.
type actor struct {
	name      string
	prefix    string // of the names of its repository's objects
	role      role
	footprint footprint // what it may change
	mortal    bool      // it may crash
	mayForget bool      // it may delete published manifests

	world      *world
	number     int
	handle     *targettest.Actor
	cancel     context.CancelFunc
	life       int           // from 1, counting restarts
	cachesLost int           // how many caches it has lost
	cache      string        // the directory of the present one
	skew       time.Duration // of its clock
	clockStep  time.Duration // by which its clock advances whenever it is read
	clockAhead time.Duration // the sum of these steps
	faulty     bool          // it has met with a fault in this life
	hanging    bool          // one of its operations hangs
	state      actorState
	history    digest        // of all outcomes of its operations in this life
	reports    []publication // since the world last asked
	finished   chan error
}

type actorState int

const (
	alive actorState = iota
	ended
	dead
)

// open opens the repository as the actor does.
func (a *actor) open(ctx context.Context) (*repo.Repo, error) { return a.openAt(ctx, a.prefix) }

// openAt opens the repository below a prefix.
func (a *actor) openAt(ctx context.Context, prefix string) (*repo.Repo, error) {
	return repo.Open(ctx, subTarget{a.handle, prefix}, a.world.program.stage.key, repo.Options{
		CacheDir: a.cache,
		Rand:     newActorRandom(fmt.Sprint(a.name, " ", a.life)),
		Now:      a.now,
	})
}

func (a *actor) now() time.Time {
	a.clockAhead += a.clockStep
	return time.Now().Add(a.skew + a.clockAhead)
}

// A publication is a snapshot that an actor knows to be published.
type publication struct {
	prefix   string // of the names of the repository's objects
	snapshot *snapshot.Manifest
	source   *source // what it was taken of, or nil
}

// report notes that the actor knows a snapshot to be published.
func (a *actor) report(n publication) {
	if a.state == alive {
		a.reports = append(a.reports, n)
	}
}

// die ends the actor's process. crash ends its operations: what it still does reaches no
// object.
func (a *actor) die(crash func()) {
	a.state, a.faulty = dead, true // before its operations end
	crash()
	a.cancel()
}

// historyAfter returns the history of the actor after an operation with this outcome.
func (a *actor) historyAfter(m move, out targettest.Outcome) digest {
	return digestOf(func(h hash.Hash) {
		h.Write(a.history[:])
		fmt.Fprintf(h, "%s %q %d %d %d %d %v %d ", m.op.Method, m.op.Name, m.op.Off, m.op.Len, m.op.Size, m.fault, out.Err, len(out.Data))
		h.Write(out.Data)
		for _, info := range out.Infos {
			fmt.Fprint(h, info.Name, info.Size, " ")
		}
	})
}

// named returns the actor with another name.
func (a actor) named(name string) actor {
	a.name = name
	return a
}

// mayDie returns the actor as one that may crash.
func (a actor) mayDie() actor {
	a.mortal = true
	return a
}
