package catalog_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestAForgottenManifestIsKeptAsForgotten(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1)
	s.publish(2)
	b := s.mem.Objects()[snapshotName(id)]
	s.all()
	if err := s.Forget(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.wants("listed", "2[]")
	if kept := s.mem.Objects()[object.Forgotten.Name(id)]; !bytes.Equal(kept, b) || s.mem.Objects()[snapshotName(id)] != nil {
		t.Error("it isn't kept as it was, or still there")
	}
	if err := s.Forget(t.Context(), id); err != catalog.ErrAbsent {
		t.Errorf("once more: %v", err)
	}
	for _, by := range []string{"its record", "having been read"} {
		for prefix, want := range map[string]bool{id.String()[:8]: true, "": false, "x": false} {
			if was, err := s.WasForgotten(t.Context(), prefix); was != want || err != nil {
				t.Errorf("by %s, %q: %v, %v", by, prefix, was, err)
			}
		}
		s.mem.Set(object.Forgotten.Name(id), nil)
	}
	if err := s.CheckManifest(object.Forgotten, object.Forgotten.Name(id), b); err != nil {
		t.Errorf("the copy: %v", err)
	}
	for what, bad := range map[string][]byte{"another's": second2(s.sealed(3)), "of another kind": s.seal(seal.Mark, nil), "garbage": []byte("x")} {
		if s.CheckManifest(object.Forgotten, object.Forgotten.Name(id), bad) == nil {
			t.Errorf("a copy that is %s: nothing is wrong", what)
		}
	}
}

func second2[A, B any](_ A, b B) B { return b }

// Wherever forgetting is interrupted, the manifest is there, or a copy of it.
func TestForgettingIsInterruptedWithoutLoss(t *testing.T) {
	for _, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter, targettest.Fail, targettest.FailAfter} {
		for n := 1; ; n++ {
			s := newShelf(t)
			id := s.publish(1)
			b := s.mem.Objects()[snapshotName(id)]
			f := &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
				if op.N == n {
					return fault
				}
				return targettest.None
			}}
			err := s.on(f, object.Options{}).Forget(t.Context(), id)
			there, kept := s.mem.Objects()[snapshotName(id)], s.mem.Objects()[object.Forgotten.Name(id)]
			if !bytes.Equal(there, b) && !bytes.Equal(kept, b) {
				t.Errorf("fault %d at operation %d: it is lost", fault, n)
			}
			if f.Ops() < n {
				break
			}
			if err == nil {
				t.Errorf("fault %d at operation %d isn't reported", fault, n)
			}
		}
	}
}

func TestIfOneIsPinnedOrLockedNoneIsForgotten(t *testing.T) {
	s := newShelf(t)
	free, pinned := s.publish(1), s.publish(2)
	s.pin(pinned, s.clock.Now().Add(time.Hour))
	if _, err := s.ForgetAll(t.Context(), []snapshot.ID{free, pinned}); !errors.Is(err, catalog.ErrPinned) || len(s.all()) != 2 {
		t.Errorf("pinned: %v", err)
	}
	v := &targettest.Vault{Now: s.clock.Now, For: 24 * time.Hour, Prefixes: []string{"snapshots/"}}
	for name, b := range s.mem.Objects() {
		v.Set(name, b)
	}
	locked := s.on(v, object.Options{})
	third := locked.publish(3)
	if _, err := locked.ForgetAll(t.Context(), []snapshot.ID{free, third}); !errors.Is(err, object.ErrLocked) || len(locked.all()) != 3 {
		t.Errorf("locked: %v", err)
	}
	s.clock.Advance(72 * time.Hour)
	if absent, err := locked.ForgetAll(t.Context(), []snapshot.ID{free, pinned, third}); err != nil || len(absent) > 0 || len(locked.all()) > 0 {
		t.Errorf("after that: %v, %v", absent, err)
	}
}

func TestForgettingReturnsWhatIsAbsent(t *testing.T) {
	s := newShelf(t)
	there := s.publish(1)
	never, _ := s.sealed(2)
	given, _ := s.sealed(3)
	if err := s.PutTombstone(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	absent, err := s.ForgetAll(t.Context(), []snapshot.ID{never, there, given})
	if err != nil || !slices.Equal(absent, []snapshot.ID{never, given}) || len(s.all()) > 0 {
		t.Errorf("absent are %v, %v", absent, err)
	}
}

func TestAnOutdatedKeyForgetsNothing(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1)
	s.mem.Set("epochs/00000002", []byte("x"))
	before := s.mem.Objects()
	if _, err := s.ForgetAll(t.Context(), []snapshot.ID{id}); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("%v", err)
	}
	if !maps.EqualFunc(before, s.mem.Objects(), bytes.Equal) {
		t.Error("it is forgotten")
	}
}
