package replica_test

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestAReplicaHasTheObjectsOfItsRepositoryAndNothingElse(t *testing.T) {
	p, _, _ := copied(t)
	for name, b := range p.there.Objects() {
		if name != object.ReplicaName && !bytes.Equal(b, p.here.Objects()[name]) {
			t.Errorf("%s: not as in the repository", name)
		}
	}
	for name := range p.here.Objects() {
		if _, ok := p.there.Objects()[name]; !ok && name != object.ReserveName {
			t.Errorf("%s: not on the replica", name)
		}
	}
	if again := p.replicate(); again.Objects+again.RemovedObjects != 0 {
		t.Errorf("again: %+v", again)
	}
}

func TestWithoutAKeyTheSameIsCopiedAndNothingIsDeleted(t *testing.T) {
	p, first, _ := copied(t)
	if err := p.e.Catalog.Forget(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	p.take("third")
	report, err := replica.ReplicateKeyless(t.Context(), p.here, p.there, p.keyless())
	if err != nil || report.Snapshots != 1 || report.RemovedObjects != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if n := len(names(p.there, "snapshots/")); n != 3 {
		t.Errorf("%d snapshots on the replica, not 3", n)
	}
	if report := p.replicate(); report.RemovedSnapshots != 1 {
		t.Errorf("with a key: %+v", report)
	}
}

func TestTimeAndRandomnessOfAReplicationAreChosen(t *testing.T) {
	p := newPair(t)
	p.take("content")
	var replicas [2][]byte
	for i := range replicas {
		there := &targettest.Memory{}
		o := p.keyless()
		var last outcome.Progress
		o.Progress = func(u outcome.Progress) {
			p.clock.Advance(time.Minute)
			last = u
		}
		if _, err := replica.ReplicateKeyless(t.Context(), p.here, there, o); err != nil {
			t.Fatal(err)
		}
		replicas[i] = there.Objects()[object.ReplicaName]
		if last.Elapsed < time.Minute || last.Elapsed%time.Minute != 0 {
			t.Errorf("%s have passed on a clock of minutes", last.Elapsed)
		}
	}
	if len(replicas[0]) == 0 || !bytes.Equal(replicas[0], replicas[1]) {
		t.Errorf("the same randomness makes %x and %x", replicas[0], replicas[1])
	}
}

func TestADamagedObjectIsReportedAndNotCopied(t *testing.T) {
	p := newPair(t)
	p.take("content")
	bad := names(p.here, "packs/")[0]
	flip(p.here, bad, 40)
	report := p.replicate()
	if len(report.Damaged) != 1 || !strings.Contains(report.Damaged[0].Error(), bad) {
		t.Errorf("damaged: %v, want %s", report.Damaged, bad)
	}
	if slices.Contains(names(p.there, "packs/"), bad) {
		t.Error("the damaged pack was copied")
	}
}

func TestATargetThatHoldsSomethingElseIsLeftAlone(t *testing.T) {
	p := newPair(t)
	p.take("content")
	other, _, _ := copied(t)
	for what, there := range map[string]*targettest.Memory{
		"another repository": other.here, "another's replica": other.there, "the repository itself": p.here,
	} {
		before := there.Objects()
		if _, err := replica.Replicate(t.Context(), p.e, there, replica.Options{}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v, want fs.ErrExist", what, err)
		}
		if !maps.EqualFunc(before, there.Objects(), bytes.Equal) {
			t.Errorf("%s was written to", what)
		}
	}
}

func TestASnapshotThatIsForgottenWhileItIsCopiedDoesNotStayOnTheReplica(t *testing.T) {
	p := newPair(t)
	m := p.take("content")
	there := &targettest.Faulty{Memory: p.there}
	there.Decide = func(op targettest.Op) targettest.Fault {
		if op.Method == "put" && op.Name == object.Snapshots.Name(m.ID) {
			if err := p.e.Catalog.Forget(t.Context(), m.ID); err != nil {
				t.Error(err)
			}
		}
		return targettest.None
	}
	if _, err := replica.ReplicateKeyless(t.Context(), p.here, there, p.keyless()); err != nil {
		t.Fatal(err)
	}
	if left := names(p.there, "snapshots/"); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// Whatever the repository has lost, the replica keeps what its snapshots need.
func TestPacksStayThatASnapshotOfTheReplicaNeeds(t *testing.T) {
	p, _, _ := copied(t)
	packs := len(names(p.there, "packs/"))
	for _, name := range slices.Concat(names(p.here, "packs/"), names(p.here, "index/")) {
		p.here.Set(name, nil)
	}
	if report := p.replicate(); report.RemovedObjects != 0 || report.Kept != nil {
		t.Errorf("%+v", report)
	}
	if n := len(names(p.there, "packs/")); n != packs {
		t.Errorf("%d packs of %d are left", n, packs)
	}
}

func TestNoPackIsDeletedWhileTheReplicaHasADamagedManifest(t *testing.T) {
	p, first, second := copied(t)
	for _, name := range slices.Concat(names(p.here, "packs/"), names(p.here, "index/")) {
		p.here.Set(name, nil)
	}
	if err := p.e.Catalog.Forget(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	// Of the same size, so that it isn't copied again.
	flip(p.there, object.Snapshots.Name(second.ID), 50)
	report := p.replicate()
	if report.Kept == nil || report.RemovedPacks != 0 || report.RemovedSnapshots != 1 {
		t.Errorf("%+v", report)
	}
}

func TestASnapshotThatIsGoneWithoutARecordStaysOnTheReplica(t *testing.T) {
	p, first, second := copied(t)
	p.here.Set(object.Snapshots.Name(first.ID), nil)
	report := p.replicate()
	if !slices.Equal(report.Unexplained, []snapshot.ID{first.ID}) || report.RemovedSnapshots != 0 {
		t.Errorf("%+v", report)
	}
	// The second follows it, so it was lost.
	o := replica.Options{DeleteUnexplained: true}
	if _, err := replica.Replicate(t.Context(), p.e, p.there, o); !errors.Is(err, replica.ErrLookLost) {
		t.Errorf("%v, want ErrLookLost", err)
	}
	p.here.Set(object.Snapshots.Name(first.ID), p.there.Objects()[object.Snapshots.Name(first.ID)])
	p.here.Set(object.Snapshots.Name(second.ID), nil)
	report, err := replica.Replicate(t.Context(), p.e, p.there, o)
	if err != nil || report.RemovedSnapshots != 1 || len(report.Unexplained) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
