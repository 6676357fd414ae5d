package keys_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestTheRightSecretUnlocksAndAWrongOneDoesnt(t *testing.T) {
	for what, secrets := range map[string][2]keys.Secret{
		"key file":   {fixture.KeyFile(t, 1), fixture.KeyFile(t, 2)},
		"passphrase": {keys.Passphrase("right"), keys.Passphrase("wrong")},
	} {
		r, k := newRing(t, secrets[0])
		opened, again := r.open(secrets[0])
		if opened.Common(fixture.Ring(t, 1)) != 1 || opened.Epoch() != 1 {
			t.Errorf("%s: another ring is opened", what)
		}
		if key := list(t, again)["first"]; !key.Current || key != list(t, k)["first"] || key.Kind != what {
			t.Errorf("%s: the slot is %+v", what, key)
		}
		for _, wrong := range []keys.Secret{secrets[1], fixture.KeyFile(t, 3)} {
			if _, _, err := r.unlock(wrong); err != seal.ErrWrongSecret {
				t.Errorf("%s, with a wrong one: %v", what, err)
			}
		}
	}
	r, _ := newRing(t, fixture.KeyFile(t, 1))
	if _, _, err := r.unlock(keys.Secret{}); err == nil || errors.Is(err, seal.ErrWrongSecret) {
		t.Errorf("without a secret: %v", err)
	}
}

func TestARecoverySheetNeedsNoSlot(t *testing.T) {
	r, _ := newRing(t, fixture.KeyFile(t, 1))
	for _, name := range r.slots() {
		r.mem.Set(name, nil)
	}
	opened, k := r.open(sheet(t, fixture.Ring(t, 1)))
	if opened.Common(fixture.Ring(t, 1)) != 1 {
		t.Error("another ring is opened")
	}
	add(t, k, fixture.KeyFile(t, 2), "second")
	r.open(fixture.KeyFile(t, 2))
	if _, err := k.Add(t.Context(), sheet(t, opened), "sheet"); err == nil || len(r.slots()) != 1 {
		t.Errorf("a slot opens with a recovery sheet: %v", err)
	}
}

func TestWithoutSlotsTheErrorPointsToTheSheet(t *testing.T) {
	r, _ := newRing(t, fixture.KeyFile(t, 1))
	for _, name := range r.slots() {
		r.mem.Set(name, nil)
	}
	_, _, err := r.unlock(fixture.KeyFile(t, 1))
	damage, ok := errors.AsType[*object.DamageError](err)
	if !ok || damage.Object != "keys/" || !strings.Contains(err.Error(), "recovery sheet") {
		t.Errorf("%v", err)
	}
}

func TestADamagedSlotIsNamedAndOthersOpen(t *testing.T) {
	one, two := fixture.KeyFile(t, 1), fixture.KeyFile(t, 2)
	r, k := newRing(t, one)
	add(t, k, two, "second")
	first := object.Keys.Under(list(t, k)["first"].ID)
	whole := r.mem.Objects()[first]
	for what, bad := range map[string][]byte{
		"empty": {}, "cut": whole[:len(whole)/2], "garbage": []byte("\x00\xff{"), "another": []byte("{}"),
		"a bit": append([]byte{whole[0] ^ 1}, whole[1:]...), "endless": append(bytes.Clone(whole), make([]byte, object.MaxSlot)...),
	} {
		r.mem.Set(first, bad)
		r.open(two)
		_, _, err := r.unlock(one)
		if !errors.Is(err, seal.ErrWrongSecret) || !strings.Contains(err.Error(), first) {
			t.Errorf("%s: %v", what, err)
		}
		if object.IsDamage(err) != (what != "endless") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A slot is named by the hash of its bytes, which may be sound and say something else.
func TestASlotWithAStrangeNameOrContentIsDamaged(t *testing.T) {
	r, k := newRing(t, fixture.KeyFile(t, 1))
	first := list(t, k)["first"].ID
	whole := r.mem.Objects()[object.Keys.Under(first)]
	strange := []byte(`{"qsnap_key_slot": 1, "kdf": "rot13"}`)
	r.mem.Set(object.Keys.HashName(strange), strange)
	r.open(fixture.KeyFile(t, 1))
	r.mem.Set(object.Keys.Under(first), nil)
	for name, b := range map[string][]byte{object.Keys.HashName(strange): strange, "keys/notes": whole} {
		r.mem.Set(object.Keys.HashName(strange), nil)
		r.mem.Set(name, b)
		_, _, err := r.unlock(fixture.KeyFile(t, 1))
		if damage, ok := errors.AsType[*object.DamageError](err); !ok || damage.Object != name {
			t.Errorf("%s: %v", name, err)
		}
		r.mem.Set(name, nil)
	}
}

// A slot takes another's place, as Replace does it, while an opening has listed the first.
func TestASlotThatIsReplacedMeanwhileIsFound(t *testing.T) {
	secret := fixture.KeyFile(t, 1)
	r, k := newRing(t, secret)
	replaced := false
	f := &targettest.Faulty{Memory: r.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "get" && !replaced {
			replaced = true
			if err := k.Replace(t.Context(), secret); err != nil {
				t.Error(err)
			}
		}
		return targettest.None
	}}
	r.on(f).open(secret)
	if !replaced {
		t.Error("no slot was read")
	}
}

func TestOfSeveralSlotsTheNewestOpens(t *testing.T) {
	secret, other := fixture.KeyFile(t, 1), fixture.KeyFile(t, 2)
	r, k := newRing(t, secret)
	old := r.mem.Objects()
	if _, err := k.Rotate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	for name, b := range old { // as a slot that couldn't be removed
		r.mem.Set(name, b)
	}
	if opened, _ := r.open(secret); opened.Epoch() != 2 {
		t.Errorf("epoch %d is opened", opened.Epoch())
	}
	if _, _, err := r.unlock(other); !errors.Is(err, seal.ErrWrongSecret) {
		t.Errorf("another secret: %v", err)
	}
}

func TestUnlockingEndsWhenItIsCancelled(t *testing.T) {
	r, _ := newRing(t, fixture.KeyFile(t, 1))
	ctx, cancel := context.WithCancel(t.Context())
	f := &targettest.Faulty{Memory: r.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "get" {
			cancel()
			return targettest.Hang
		}
		return targettest.None
	}}
	if _, _, err := keys.Unlock(ctx, r.on(f).store, fixture.KeyFile(t, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestATargetThatFailsIsNoWrongSecret(t *testing.T) {
	one, two := fixture.KeyFile(t, 1), fixture.KeyFile(t, 2)
	r, k := newRing(t, one)
	add(t, k, two, "second")
	first, other := object.Keys.Under(list(t, k)["first"].ID), object.Keys.Under(list(t, k)["second"].ID)
	whole := r.mem.Objects()[other]
	for _, cause := range []error{syscall.ECONNRESET, target.ErrGivenUp} {
		r.mem.Set(other, whole)
		bad := r.on(&fixture.BadSector{Target: r.mem, Name: first, Err: cause})
		bad.open(two)
		r.mem.Set(other, []byte("damaged"))
		for _, secret := range []keys.Secret{one, fixture.KeyFile(t, 3)} {
			if _, _, err := bad.unlock(secret); !errors.Is(err, cause) || errors.Is(err, seal.ErrWrongSecret) || object.IsDamage(err) {
				t.Errorf("%v: %v", cause, err)
			}
		}
	}
}
