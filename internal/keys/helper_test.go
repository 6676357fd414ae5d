package keys_test

import (
	"testing"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A ring is the keys of a repository on a target in memory.
type ring struct {
	t     *testing.T
	mem   *targettest.Memory
	store *object.Store
	clock *fixture.Clock
}

// newRing returns the keys of a repository that the secret opens, and the same opened.
func newRing(t *testing.T, secret keys.Secret) (*ring, *keys.Keys) {
	t.Helper()
	mem := &targettest.Memory{}
	r := &ring{t, mem, object.On(mem, object.Options{}), new(fixture.Clock)}
	k := keys.New(r.store, fixture.Ring(t, 1), "", r.options())
	if _, err := k.Begin(t.Context(), secret, "first"); err != nil {
		t.Fatal(err)
	}
	return r, k
}

func (r *ring) options() keys.Options {
	return keys.Options{Now: r.clock.Now, Hostname: "host", User: "user"}
}

// on returns the same keys on another view of the target.
func (r *ring) on(tgt target.Target) *ring {
	other := *r
	other.store = object.On(tgt, object.Options{})
	return &other
}

// unlock opens the keys as another process does.
func (r *ring) unlock(secret keys.Secret) (*seal.Keyring, *keys.Keys, error) {
	opened, slot, err := keys.Unlock(r.t.Context(), r.store, secret)
	if err != nil {
		return nil, nil, err
	}
	return opened, keys.New(r.store, opened, slot, r.options()), nil
}

// open is unlock for a secret that is right.
func (r *ring) open(secret keys.Secret) (*seal.Keyring, *keys.Keys) {
	r.t.Helper()
	opened, k, err := r.unlock(secret)
	if err != nil {
		r.t.Fatal(err)
	}
	return opened, k
}

// slots returns the names of the key slots on the target.
func (r *ring) slots() (names []string) {
	r.t.Helper()
	for info, err := range r.store.List(r.t.Context(), object.Keys) {
		if err != nil {
			r.t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	return names
}

// list returns the key slots by their labels.
func list(t *testing.T, k *keys.Keys) map[string]keys.Key {
	t.Helper()
	all, err := k.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]keys.Key{}
	for _, key := range all {
		out[key.Label] = key
	}
	if len(out) != len(all) {
		t.Fatalf("%d of %d slots have labels of their own", len(out), len(all))
	}
	return out
}

func add(t *testing.T, k *keys.Keys, secret keys.Secret, label string) keys.Key {
	t.Helper()
	key, err := k.Add(t.Context(), secret, label)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sheet returns the recovery sheet of a ring as a secret.
func sheet(t *testing.T, of *seal.Keyring) keys.Secret {
	t.Helper()
	text, err := seal.RecoverySheet(of)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := keys.ParseKey([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}
