package keys_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestARotationBeginsTheNextEpoch(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	r, _ := newRing(t, secret)
	for epoch := uint32(2); epoch < 5; epoch++ {
		before, k := r.open(secret)
		if left, err := k.Rotate(t.Context(), secret); err != nil || len(left) > 0 {
			t.Fatalf("left are %v, %v", left, err)
		}
		after, now := r.open(secret)
		if after.Epoch() != epoch || after.Newest() != epoch || after.Common(before) != epoch-1 {
			t.Errorf("epoch %d of %d, want %d; %d are as before", after.Epoch(), after.Newest(), epoch, after.Common(before))
		}
		if before.SubKey("data") != after.SubKey("data") {
			t.Error("ids are made with another key")
		}
		if key := list(t, now)["first"]; !key.Current || key.Outdated || len(r.slots()) != 1 {
			t.Errorf("the slot is %+v, of %d", key, len(r.slots()))
		}
		if len(r.mem.Objects()[keys.EpochName(epoch)]) != 48 {
			t.Errorf("there is no %s", keys.EpochName(epoch))
		}
	}
}

func TestAnOutdatedKeyChangesNothing(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	r, old := newRing(t, secret)
	if err := old.Current(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := old.Rotate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	before := r.mem.Objects()
	for what, err := range map[string]error{
		"Current": old.Current(t.Context()),
		"Add":     second(old.Add(t.Context(), fixture.KeyFile(t, 2), "")),
		"Replace": old.Replace(t.Context(), fixture.KeyFile(t, 2)),
		"Remove":  old.Remove(t.Context(), r.slots()[0][5:]),
		"Rotate":  second(old.Rotate(t.Context(), secret)),
		"Check":   old.Check(t.Context(), func(name, what string) { t.Errorf("%s: %s", name, what) }),
	} {
		if !errors.Is(err, seal.ErrNoKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if after := r.mem.Objects(); len(after) != len(before) {
		t.Errorf("%d objects, before that %d", len(after), len(before))
	}
	_, now := r.open(secret)
	if err := now.Current(t.Context()); err != nil {
		t.Errorf("opened again: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestARotationReturnsTheSlotsThatItCantRenew(t *testing.T) {
	secret, other := fixture.KeyFile(t, 1), fixture.KeyFile(t, 2)
	r, k := newRing(t, secret)
	r.clock.Advance(time.Second)
	add(t, k, secret, "the same secret")
	add(t, k, other, "another secret")
	left, err := k.Rotate(t.Context(), secret)
	if err != nil || len(left) != 1 || left[0].Label != "another secret" || !left[0].Outdated {
		t.Errorf("left are %+v, %v", left, err)
	}
	_, now := r.open(secret)
	all := list(t, now)
	if len(all) != 2 || all["first"].Outdated || !all["another secret"].Outdated {
		t.Errorf("%+v", all)
	}
	opened, _ := r.open(other)
	if opened.Newest() != 1 {
		t.Errorf("the slot that is left opens epoch %d", opened.Newest())
	}
	if err := keys.New(r.store, opened, "", r.options()).Current(t.Context()); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("the slot that is left counts as current: %v", err)
	}
}

func TestTheOnlySlotOfTheNewestEpochIsNotRemoved(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	r, k := newRing(t, secret)
	add(t, k, fixture.KeyFile(t, 2), "old")
	if _, err := k.Rotate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	opened, now := r.open(secret)
	only := list(t, now)["first"].ID
	bySheet := keys.New(r.store, opened, "", r.options())
	if err := bySheet.Remove(t.Context(), only); err == nil || !strings.Contains(err.Error(), "after the rotation") {
		t.Errorf("the only one: %v", err)
	}
	if err := bySheet.Remove(t.Context(), list(t, now)["old"].ID); err != nil {
		t.Errorf("the old one: %v", err)
	}
	add(t, now, fixture.KeyFile(t, 3), "new")
	if err := bySheet.Remove(t.Context(), only); err != nil {
		t.Errorf("one of two: %v", err)
	}
}

func TestANewKeyIsWrappedUnderWhatOpensAgain(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	for what, secret := range map[string]keys.Secret{"a recovery sheet": sheet(t, fixture.Ring(t, 1)), "no secret": {}} {
		if _, err := k.Rotate(t.Context(), secret); err == nil || len(r.mem.Objects()) != 1 {
			t.Errorf("under %s: %v", what, err)
		}
	}
}

func TestASlotOfAnotherRepositoryCompletesNoRotation(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	r, k := newRing(t, secret)
	foreign, err := fixture.Ring(t, 2).Rotated(fixture.Random(3))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.New(r.store, foreign, "", r.options()).Begin(t.Context(), secret, "foreign"); err != nil {
		t.Fatal(err)
	}
	ring := fixture.Ring(t, 1)
	if _, err := k.Rotate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if opened, _ := r.open(secret); opened.Common(ring) != 1 {
		t.Error("the repository has the other's keys now")
	}
}

func TestALockedSlotStaysAfterARotation(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	clock := new(fixture.Clock)
	v := &targettest.Vault{Now: clock.Now, For: 24 * time.Hour, Prefixes: []string{"keys/"}}
	store := object.On(v, object.Options{})
	k := keys.New(store, fixture.Ring(t, 1), "", keys.Options{Now: clock.Now})
	if _, err := k.Begin(t.Context(), secret, "locked"); err != nil {
		t.Fatal(err)
	}
	left, err := k.Rotate(t.Context(), secret)
	if err != nil || len(left) != 1 || left[0].Label != "locked" {
		t.Errorf("left are %+v, %v", left, err)
	}
	if opened, _, err := keys.Unlock(t.Context(), store, secret); err != nil || opened.Epoch() != 2 {
		t.Errorf("epoch %d, %v", opened.Epoch(), err)
	}
}

func TestASoundSlotOfTheCurrentEpochIsFound(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	r, k := newRing(t, secret)
	names := func() map[string]int64 {
		out := map[string]int64{"keys/absent": 1}
		for _, name := range r.slots() {
			out[name] = 1
		}
		return out
	}
	if has, err := k.HasCurrentSlot(t.Context(), names()); !has || err != nil {
		t.Errorf("a sound one: %v, %v", has, err)
	}
	if has, err := k.HasCurrentSlot(t.Context(), map[string]int64{"keys/absent": 1}); has || err != nil {
		t.Errorf("none of those: %v, %v", has, err)
	}
	old := names()
	add(t, k, fixture.KeyFile(t, 2), "outdated")
	outdated := map[string]int64{}
	for name := range names() {
		if _, ok := old[name]; !ok {
			outdated[name] = 1
		}
	}
	if _, err := k.Rotate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	_, now := r.open(secret)
	if has, err := now.HasCurrentSlot(t.Context(), outdated); has || err != nil {
		t.Errorf("an outdated one: %v, %v", has, err)
	}
	for _, name := range r.slots() {
		r.mem.Set(name, []byte("damaged"))
	}
	if has, err := now.HasCurrentSlot(t.Context(), names()); has || err != nil {
		t.Errorf("damaged ones: %v, %v", has, err)
	}
}
