package replica_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestAPromotedReplicaIsARepositoryThatNothingReplicatesTo(t *testing.T) {
	p, _, _ := copied(t)
	if err := replica.Promote(t.Context(), p.there, replica.PromoteOptions{Rand: fixture.Random(2)}); err != nil {
		t.Fatal(err)
	}
	unlock := func(context.Context) (keys.Secret, error) { return fixture.KeyFile(t, 1), nil }
	e, err := engine.Open(t.Context(), p.there, unlock, engine.Host{Now: p.clock.Now, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(e)
	other := &pair{t: t, clock: p.clock, e: e}
	other.take("third")
	if _, err := replica.Replicate(t.Context(), p.e, p.there, replica.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("replicate to it: %v, want fs.ErrExist", err)
	}
	if err := replica.Promote(t.Context(), p.there, replica.PromoteOptions{Rand: fixture.Random(2)}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("promote it again: %v, want fs.ErrNotExist", err)
	}
}

func TestAReplicaStaysOneWhileAReplicationIsUnderWay(t *testing.T) {
	p, _, _ := copied(t)
	marker := object.Replicating.Under(strings.Repeat("1", 32))
	p.there.Set(marker, []byte("a process of another machine"))
	o := replica.PromoteOptions{Rand: fixture.Random(2)}
	if err := replica.Promote(t.Context(), p.there, o); !errors.Is(err, replica.ErrReplicating) {
		t.Errorf("%v, want ErrReplicating", err)
	}
	if p.there.Objects()[object.ReplicaName] == nil {
		t.Error("it is no replica any more")
	}
	o.Force = true
	if err := replica.Promote(t.Context(), p.there, o); err != nil {
		t.Fatal(err)
	}
	if left := names(p.there, "replica"); len(left) != 0 { // and replicating/
		t.Errorf("%v are left", left)
	}
}

// The replica is promoted right after the replication has looked at the target.
func TestAReplicationSeesThatItsTargetWasPromoted(t *testing.T) {
	p, _, _ := copied(t)
	p.take("third")
	there := &targettest.Faulty{Memory: p.there}
	there.Decide = func(op targettest.Op) targettest.Fault {
		if op.Method == "put" && object.Replicating.Has(op.Name) {
			if err := replica.Promote(t.Context(), p.there, replica.PromoteOptions{Rand: fixture.Random(2)}); err != nil {
				t.Error(err)
			}
		}
		return targettest.None
	}
	before := len(p.there.Objects())
	if _, err := replica.Replicate(t.Context(), p.e, there, replica.Options{}); !errors.Is(err, replica.ErrPromoted) {
		t.Errorf("%v, want ErrPromoted", err)
	}
	if n := len(p.there.Objects()); n != before-1 {
		t.Errorf("%d objects, after %d with the one that made it a replica", n, before)
	}
}
