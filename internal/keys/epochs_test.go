package keys_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target/targettest"
)

// Names and bodies are part of the format.
func TestTheNameAndBodyOfAnEpochStayTheSame(t *testing.T) {
	if got := keys.EpochName(12); got != "epochs/00000012" {
		t.Errorf("the name is %s", got)
	}
	if got := hex.EncodeToString(keys.WithSum([]byte("abc"))); got != "6162636437b3ac38465133ffb63b75273a8db5" {
		t.Errorf("with its sum, it is %s", got)
	}
}

// rotated returns keys of two epochs.
func rotated(t *testing.T) (*ring, *seal.Keyring, *keys.Keys) {
	t.Helper()
	r, k := newRing(t, fixture.KeyFile(t, 1))
	if _, err := k.Rotate(t.Context(), fixture.KeyFile(t, 1)); err != nil {
		t.Fatal(err)
	}
	ring, k := r.open(fixture.KeyFile(t, 1))
	return r, ring, k
}

// othersEpoch returns the object by which epoch 2 counts with another key.
func othersEpoch(t *testing.T) []byte {
	t.Helper()
	other, _, _ := rotated(t) // its second key is random
	return other.mem.Objects()[keys.EpochName(2)]
}

func TestAnEpochCountsOnceAnObjectNamesIt(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	for what, c := range map[string]struct {
		body         []byte
		epoch, rings uint32
		bad          string // what Check reports after the key was opened as it was
	}{
		"missing":       {nil, 1, 2, "it is missing"},
		"another's":     {othersEpoch(t), 1, 1, "it is of another key"},
		"damaged":       {[]byte("damaged"), 2, 2, "it is damaged"},
		"empty":         {[]byte{}, 2, 2, "it is damaged"},
		"one bit wrong": {append([]byte{othersEpoch(t)[0] ^ 1}, othersEpoch(t)[1:]...), 2, 2, "it is damaged"},
		"longer":        {append(bytes.Clone(othersEpoch(t)), 0), 2, 2, "it is damaged"},
	} {
		r, _, k := rotated(t)
		r.mem.Set(keys.EpochName(2), c.body)
		opened, _ := r.open(secret)
		if opened.Epoch() != c.epoch || opened.Newest() != c.rings {
			t.Errorf("%s: sealed is under epoch %d of %d", what, opened.Epoch(), opened.Newest())
		}
		var found []string
		if err := k.Check(t.Context(), func(name, what string) { found = append(found, name+": "+what) }); err != nil {
			t.Error(err)
		}
		if !slices.Equal(found, []string{keys.EpochName(2) + ": " + c.bad}) {
			t.Errorf("%s: found is %q", what, found)
		}
	}
}

func TestUnderADamagedEpochTheOthersArentAsked(t *testing.T) {
	r, _, k := rotated(t)
	if _, err := k.Rotate(t.Context(), fixture.KeyFile(t, 1)); err != nil {
		t.Fatal(err)
	}
	r.mem.Set(keys.EpochName(3), []byte("damaged"))
	r.mem.Set(keys.EpochName(2), nil)
	if opened, _ := r.open(fixture.KeyFile(t, 1)); opened.Epoch() != 3 || opened.Newest() != 3 {
		t.Errorf("epoch %d of %d", opened.Epoch(), opened.Newest())
	}
}

func TestARecoverySheetLacksAnotherEpochsKey(t *testing.T) {
	r, ring, _ := rotated(t)
	r.mem.Set(keys.EpochName(2), othersEpoch(t))
	if opened, _ := r.open(sheet(t, ring)); opened.Newest() != 1 {
		t.Errorf("it opens epoch %d", opened.Newest())
	}
}

func TestAnEpochThatADiskCantReadIsBelievedAndAFailureIsNot(t *testing.T) {
	r, _, _ := rotated(t)
	bad := &fixture.BadSector{Target: r.mem, Name: keys.EpochName(2), Err: syscall.EIO}
	if opened, _ := r.on(bad).open(fixture.KeyFile(t, 1)); opened.Epoch() != 2 {
		t.Errorf("epoch %d", opened.Epoch())
	}
	bad.Err = syscall.ECONNRESET
	if _, _, err := r.on(bad).unlock(fixture.KeyFile(t, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that breaks: %v", err)
	}
}

func TestStrangersAmongTheEpochsDontCount(t *testing.T) {
	r, _, k := rotated(t)
	for _, name := range []string{"epochs/9", "epochs/notes", "epochs/0000009", "epochs/000000009", "epochs/99999999999"} {
		r.mem.Set(name, []byte("x"))
	}
	if key := list(t, k)["first"]; key.Outdated {
		t.Errorf("%+v", key)
	}
	r.mem.Set(keys.EpochName(3), []byte("x"))
	if key := list(t, k)["first"]; !key.Outdated {
		t.Errorf("after another rotation: %+v", key)
	}
	if err := k.Current(t.Context()); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("after another rotation: %v", err)
	}
}

func TestCurrentReportsAFailure(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	f := &targettest.Faulty{Memory: r.mem, Decide: func(targettest.Op) targettest.Fault { return targettest.Fail }}
	if err := k.On(object.On(f, object.Options{})).Current(t.Context()); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("%v", err)
	}
}

func TestCheckFindsDamagedAndMissingSlots(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	check := func() (found []string) {
		if err := k.Check(t.Context(), func(name, what string) { found = append(found, name) }); err != nil {
			t.Error(err)
		}
		return found
	}
	if found := check(); len(found) > 0 {
		t.Errorf("of sound ones: %q", found)
	}
	for _, name := range r.slots() {
		r.mem.Set(name, append(r.mem.Objects()[name], ' '))
		if found := check(); !slices.Equal(found, []string{name}) {
			t.Errorf("of a damaged one: %q", found)
		}
		r.mem.Set(name, nil)
	}
	if found := check(); !slices.Equal(found, []string{"keys/"}) {
		t.Errorf("of none: %q", found)
	}
}
