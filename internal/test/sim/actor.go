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

// A role is what an actor does. An error is a broken promise, unless the actor has
// met with a fault or was told to stop.
type role func(ctx context.Context, a *actor) error

// An actor is a process that uses the repository.
type actor struct {
	name     string
	at       string // the prefix of the repository that it uses
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
	rushed   time.Duration // so far, which is known to who knows what it was told
	faulty   bool          // it has met with a fault in this life
	hangs    bool          // an operation of it does
	state    actorState
	history  digest // all that it was told by the target in this life
	news     []news // that it was told, since it was last asked
	finished chan error
}

type actorState int

const (
	alive actorState = iota
	ended
	dead
)

// open opens the repository as the actor does.
func (a *actor) open(ctx context.Context) (*repo.Repo, error) { return a.openAt(ctx, a.at) }

// openAt opens the repository below a prefix.
func (a *actor) openAt(ctx context.Context, prefix string) (*repo.Repo, error) {
	return repo.Open(ctx, below{a.handle, prefix}, a.world.program.stage.key, repo.Options{
		CacheDir: a.cache,
		Rand:     newLot(fmt.Sprint(a.name, " ", a.life)),
		Now:      a.now,
	})
}

func (a *actor) now() time.Time {
	a.rushed += a.rush
	return time.Now().Add(a.skew + a.rushed)
}

// News is that a snapshot is published, and of what it was taken, if of anything.
type news struct {
	at       string // the prefix of the repository
	snapshot *snapshot.Manifest
	source   *source
}

// tell notes that the actor was told that a snapshot is published.
func (a *actor) tell(n news) {
	if a.state == alive {
		a.news = append(a.news, n)
	}
}

// die has an actor's process be gone, by what ends its operations: whatever it still
// does reaches nobody.
func (a *actor) die(by func()) {
	a.state, a.faulty = dead, true // while it waits
	by()
	a.cancel()
}

// knowing returns what the actor knows when it is told what became of an operation.
func (a *actor) knowing(m move, out targettest.Outcome) digest {
	return digestOf(func(h hash.Hash) {
		h.Write(a.history[:])
		fmt.Fprintf(h, "%s %q %d %d %d %d %v %d ", m.op.Method, m.op.Name, m.op.Off, m.op.Len, m.op.Size, m.fault, out.Err, len(out.Data))
		h.Write(out.Data)
		for _, info := range out.Infos {
			fmt.Fprint(h, info.Name, info.Size, " ")
		}
	})
}

func (a actor) named(name string) actor {
	a.name = name
	return a
}

func (a actor) dies() actor {
	a.mortal = true
	return a
}
