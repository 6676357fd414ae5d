package keys_test

import (
	"errors"
	"testing"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target/targettest"
)

// Wherever a rotation is interrupted, the secret opens the repository, and the next rotation
// completes it.
func TestAnInterruptedRotationIsCompletedByTheNext(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	for _, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter, targettest.Fail, targettest.FailAfter} {
		for n := 1; ; n++ {
			r, _ := newRing(t, secret)
			ring, k := r.open(secret)
			f := &targettest.Faulty{Memory: r.mem, Decide: func(op targettest.Op) targettest.Fault {
				if op.N == n {
					return fault
				}
				return targettest.None
			}}
			_, rotated := k.On(r.on(f).store).Rotate(t.Context(), secret)
			opened, k := r.open(secret)
			if opened.Common(ring) != 1 || k.Current(t.Context()) != nil {
				t.Fatalf("fault %d at operation %d: epoch %d is opened, and not current", fault, n, opened.Epoch())
			}
			if _, there := r.mem.Objects()[keys.EpochName(2)]; there != (opened.Epoch() == 2) {
				t.Errorf("fault %d at operation %d: epoch 2 counts: %v; sealed is under %d", fault, n, there, opened.Epoch())
			}
			if f.Ops() >= n && rotated == nil {
				t.Errorf("fault %d at operation %d isn't reported", fault, n)
			}
			if f.Ops() < n {
				if rotated != nil {
					t.Fatal(rotated)
				}
				break
			}
			if _, err := k.Rotate(t.Context(), secret); err != nil {
				t.Fatalf("fault %d at operation %d, then: %v", fault, n, err)
			}
			last, k := r.open(secret)
			if last.Epoch() != opened.Epoch()+1 || last.Newest() != last.Epoch() || len(r.slots()) != 1 {
				t.Errorf("fault %d at operation %d, then: epoch %d of %d, %d slots", fault, n, last.Epoch(), last.Newest(), len(r.slots()))
			}
			if err := k.Check(t.Context(), func(name, what string) { t.Errorf("%s: %s", name, what) }); err != nil {
				t.Error(err)
			}
		}
	}
}

// interrupted returns keys whose rotation has stored a slot, and no epoch. The slot from
// before is lost.
func interrupted(t *testing.T, secret keys.Secret) *ring {
	t.Helper()
	r, k := newRing(t, secret)
	before := r.slots()
	f := &targettest.Faulty{Memory: r.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "put" && object.Epochs.Has(op.Name) {
			return targettest.Crash
		}
		return targettest.None
	}}
	if _, err := k.On(r.on(f).store).Rotate(t.Context(), secret); !errors.Is(err, targettest.ErrCrash) {
		t.Fatal(err)
	}
	r.mem.Set(before[0], nil)
	return r
}

func TestARotationUnderAnotherSecretReplacesTheCurrentSlot(t *testing.T) {
	old, fresh := fixture.KeyFile(t, 1), fixture.KeyFile(t, 2)
	r, k := newRing(t, old)
	if left, err := k.Rotate(t.Context(), fresh); err != nil || len(left) > 0 || len(r.slots()) != 1 {
		t.Errorf("left are %v, %v; %d slots", left, err, len(r.slots()))
	}
	if opened, _ := r.open(fresh); opened.Epoch() != 2 {
		t.Errorf("epoch %d", opened.Epoch())
	}
	r = interrupted(t, old)
	if _, k = r.open(old); second(k.Rotate(t.Context(), fresh)) != nil {
		t.Fatal("after an interrupted one, it fails")
	}
	if opened, _ := r.open(fresh); opened.Epoch() != 2 || opened.Newest() != 2 {
		t.Errorf("after an interrupted one, epoch %d of %d", opened.Epoch(), opened.Newest())
	}
}

func TestKeysThatHaveTheNextEpochStayCurrent(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	r := interrupted(t, secret)
	early, k := r.open(secret)
	if early.Epoch() != 1 || early.Newest() != 2 {
		t.Fatalf("epoch %d of %d", early.Epoch(), early.Newest())
	}
	if _, other := r.open(secret); second(other.Rotate(t.Context(), secret)) != nil {
		t.Fatal("the rotation isn't completed")
	}
	if err := k.Current(t.Context()); err != nil {
		t.Errorf("%v", err)
	}
}

// Another rotates when this one has stored its slot.
func TestOfTwoRotationsAtOnceOneCounts(t *testing.T) {
	mine, theirs := fixture.KeyFile(t, 1), fixture.KeyFile(t, 2)
	r, k := newRing(t, mine)
	add(t, k, theirs, "theirs")
	_, other := r.open(theirs)
	f := &targettest.Faulty{Memory: r.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "put" && object.Epochs.Has(op.Name) {
			if _, err := other.Rotate(t.Context(), theirs); err != nil {
				t.Error(err)
			}
		}
		return targettest.None
	}}
	if _, err := k.On(r.on(f).store).Rotate(t.Context(), mine); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("the one that lost: %v", err)
	}
	won, now := r.open(theirs)
	if won.Epoch() != 2 || now.Current(t.Context()) != nil {
		t.Errorf("epoch %d counts", won.Epoch())
	}
	lost, old := r.open(mine)
	if lost.Newest() != 1 || !errors.Is(old.Current(t.Context()), seal.ErrNoKey) {
		t.Errorf("the loser opens epoch %d", lost.Newest())
	}
	if n := len(r.slots()); n != 2 {
		t.Errorf("%d slots are left", n)
	}
}
