package keys_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestAnAddedSlotOpensAndSaysWhereItWasMade(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	r.clock.Advance(90 * time.Second)
	got := add(t, k, fixture.KeyFile(t, 2), "second")
	want := keys.Key{ID: got.ID, Kind: "key file", Created: r.clock.Now(), Hostname: "host", Username: "user", Label: "second"}
	if got != want || len(got.ID) != 64 {
		t.Errorf("%+v, want %+v", got, want)
	}
	opened, other := r.open(fixture.KeyFile(t, 2))
	if opened.Common(fixture.Ring(t, 1)) != 1 {
		t.Error("it opens another ring")
	}
	all := list(t, other)
	if len(all) != 2 || all["first"].Current || !all["second"].Current || all["second"].ID != got.ID {
		t.Errorf("%+v", all)
	}
	if r.slots()[0] != object.Keys.HashName(r.mem.Objects()[r.slots()[0]]) {
		t.Error("a slot isn't named by its bytes")
	}
}

func TestASlotIsFoundByTheBeginningOfItsIdAndRemovedByItsWholeId(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	for i := range byte(20) { // so that two begin with the same digit
		add(t, k, fixture.KeyFile(t, 10+i), strings.Repeat("x", int(i)))
	}
	digits := map[string]int{}
	for _, key := range list(t, k) {
		digits[key.ID[:1]]++
	}
	for d, n := range digits {
		if n > 1 {
			if _, err := k.Find(t.Context(), d); err == nil || !strings.Contains(err.Error(), "more digits") {
				t.Errorf("%d slots begin with %s: %v", n, d, err)
			}
		}
	}
	for _, none := range []string{"", "g", strings.Repeat("0", 64), list(t, k)["x"].ID[1:]} {
		if key, err := k.Find(t.Context(), none); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("find %q: %v, %v", none, key, err)
		}
	}
	for _, none := range []string{"", "g", strings.Repeat("0", 64), list(t, k)["x"].ID[:40]} {
		if err := k.Remove(t.Context(), none); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove %q: %v", none, err)
		}
	}
	if n := len(r.slots()); n != 21 {
		t.Fatalf("%d slots are left", n)
	}
	gone := list(t, k)["x"]
	if found, err := k.Find(t.Context(), gone.ID[:40]); err != nil || found.ID != gone.ID {
		t.Fatalf("%v, %v", found, err)
	}
	if err := k.Remove(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	if _, ok := list(t, k)["x"]; ok || len(r.slots()) != 20 {
		t.Error("another slot is removed, or none")
	}
	if _, _, err := r.unlock(fixture.KeyFile(t, 11)); !errors.Is(err, seal.ErrWrongSecret) {
		t.Errorf("its secret opens: %v", err)
	}
}

func TestTheLastSlotIsNotRemoved(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	first := list(t, k)["first"].ID
	if err := k.Remove(t.Context(), first); err == nil {
		t.Error("the last one is removed")
	}
	bySheet := keys.New(r.store, fixture.Ring(t, 1), "", r.options())
	if err := bySheet.Remove(t.Context(), first); err == nil || !strings.Contains(err.Error(), "only key:") {
		t.Errorf("opened by a recovery sheet, the last one: %v", err)
	}
	add(t, k, fixture.KeyFile(t, 2), "second")
	if err := k.Remove(t.Context(), first); err == nil || !strings.Contains(err.Error(), "was opened with it") {
		t.Errorf("the current one: %v", err)
	}
	if n := len(r.slots()); n != 2 {
		t.Fatalf("%d slots are left", n)
	}
	if err := bySheet.Remove(t.Context(), first); err != nil {
		t.Errorf("opened by a recovery sheet, one of two: %v", err)
	}
}

func TestReplaceKeepsTheLabelAndLeavesOnlyTheNewSlot(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	add(t, k, fixture.KeyFile(t, 3), "third")
	if err := k.Replace(t.Context(), fixture.KeyFile(t, 2)); err != nil {
		t.Fatal(err)
	}
	if key := list(t, k)["first"]; !key.Current || len(r.slots()) != 2 {
		t.Errorf("the new one is %+v, of %d", key, len(r.slots()))
	}
	r.open(fixture.KeyFile(t, 2))
	r.open(fixture.KeyFile(t, 3))
	if _, _, err := r.unlock(fixture.KeyFile(t, 1)); !errors.Is(err, seal.ErrWrongSecret) {
		t.Errorf("the old one opens: %v", err)
	}
	if err := k.Replace(t.Context(), fixture.KeyFile(t, 4)); err != nil {
		t.Errorf("once more: %v", err)
	}
	if n := len(r.slots()); n != 2 {
		t.Errorf("once more: %d slots", n)
	}
}

func TestOpenedByASheetReplaceRemovesNothing(t *testing.T) {
	r, _ := newRing(t, fixture.KeyFile(t, 1))
	bySheet := keys.New(r.store, fixture.Ring(t, 1), "", r.options())
	if err := bySheet.Replace(t.Context(), fixture.KeyFile(t, 2)); err != nil {
		t.Fatal(err)
	}
	r.open(fixture.KeyFile(t, 1))
	r.open(fixture.KeyFile(t, 2))
}

// Wherever Replace is interrupted, the old secret or the new one opens.
func TestAnInterruptedReplaceLeavesASlotThatOpens(t *testing.T) {
	for _, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter, targettest.Fail, targettest.FailAfter} {
		for n := 1; ; n++ {
			r, _ := newRing(t, fixture.KeyFile(t, 1))
			_, k := r.open(fixture.KeyFile(t, 1))
			f := &targettest.Faulty{Memory: r.mem, Decide: func(op targettest.Op) targettest.Fault {
				if op.N == n {
					return fault
				}
				return targettest.None
			}}
			replaced := k.On(r.on(f).store).Replace(t.Context(), fixture.KeyFile(t, 2))
			_, _, old := r.unlock(fixture.KeyFile(t, 1))
			_, _, fresh := r.unlock(fixture.KeyFile(t, 2))
			if old != nil && fresh != nil {
				t.Fatalf("fault %d at operation %d: %v; %v", fault, n, old, fresh)
			}
			if replaced == nil && (old == nil || fresh != nil) {
				t.Errorf("fault %d at operation %d isn't reported: %v; %v", fault, n, old, fresh)
			}
			if f.Ops() < n {
				break
			}
		}
	}
}

// Check advises to add a key where a slot is damaged.
func TestADamagedSlotHindersNobodyFromAddingAnother(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	r.mem.Set("keys/damaged", []byte("damaged"))
	if key, err := k.Add(t.Context(), fixture.KeyFile(t, 2), "second"); err != nil || key.Label != "second" || key.Outdated {
		t.Errorf("added is %+v, %v", key, err)
	}
	if err := k.Replace(t.Context(), fixture.KeyFile(t, 3)); err != nil {
		t.Errorf("replaced: %v", err)
	}
	r.mem.Set("keys/damaged", nil)
	if all := list(t, k); len(all) != 2 || !all["first"].Current {
		t.Errorf("%+v", all)
	}
	r.open(fixture.KeyFile(t, 2))
	r.open(fixture.KeyFile(t, 3))
}

func TestStrangersAmongTheSlotsAreReported(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	r.mem.Set("keys/notes", []byte("notes"))
	_, err := k.List(t.Context())
	if damage, ok := errors.AsType[*object.DamageError](err); !ok || damage.Object != "keys/notes" {
		t.Errorf("%v", err)
	}
}
