package keys_test

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"testing"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestATwinIsGivenTheSlotsOfTheCurrentEpoch(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	r, k := newRing(t, secret)
	add(t, k, fixture.KeyFile(t, 2), "outdated")
	if _, err := k.Rotate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	ring, now := r.open(secret)
	add(t, now, fixture.KeyFile(t, 3), "third")
	r.mem.Set("keys/notes", []byte("damaged"))

	twin := r.on(&targettest.Memory{})
	for range 2 { // as after an interruption
		if err := now.CopyTo(t.Context(), twin.store); err != nil {
			t.Fatal(err)
		}
	}
	for _, seed := range []byte{1, 3} {
		if opened, _ := twin.open(fixture.KeyFile(t, seed)); opened.Common(ring) != 2 || opened.Epoch() != 2 {
			t.Errorf("key %d opens epoch %d of the twin", seed, opened.Epoch())
		}
	}
	if n := len(twin.slots()); n != 2 {
		t.Errorf("the twin has %d slots", n)
	}
}

func TestATwinWhoseKeyWasRotatedOnItsOwnIsRefused(t *testing.T) {
	_, _, k := rotated(t)
	mem := &targettest.Memory{}
	mem.Set(keys.EpochName(2), othersEpoch(t))
	before := mem.Objects()
	if err := k.CopyTo(t.Context(), object.On(mem, object.Options{})); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	if !maps.EqualFunc(before, mem.Objects(), bytes.Equal) {
		t.Error("it is changed")
	}
}

func TestWithoutASlotToGiveThereIsNoTwin(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	for _, name := range r.slots() {
		r.mem.Set(name, []byte("damaged"))
	}
	mem := &targettest.Memory{}
	err := k.CopyTo(t.Context(), object.On(mem, object.Options{}))
	if !object.IsDamage(err) || len(mem.Objects()) > 0 {
		t.Errorf("%v; it holds %d objects", err, len(mem.Objects()))
	}
}

func TestWhoHasBegunARepositoryMayGoOn(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	empty := object.On(&targettest.Memory{}, object.Options{})
	if ring, slot, err := keys.InterruptedInit(t.Context(), empty, secret); ring != nil || slot != "" || err != nil {
		t.Errorf("nothing was begun: %v, %q, %v", ring, slot, err)
	}
	r, k := newRing(t, secret)
	ring, slot, err := keys.InterruptedInit(t.Context(), r.store, secret)
	if err != nil || slot != list(t, k)["first"].ID || ring.Common(fixture.Ring(t, 1)) != 1 {
		t.Errorf("slot %q, %v", slot, err)
	}
	if _, _, err := keys.InterruptedInit(t.Context(), r.store, fixture.KeyFile(t, 2)); !errors.Is(err, config.ErrOccupied) || errors.Is(err, seal.ErrWrongSecret) {
		t.Errorf("another: %v", err)
	}
}
