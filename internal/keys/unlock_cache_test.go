package keys_test

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
)

// A mapCache is an unlock cache in memory.
type mapCache struct {
	values map[string][]byte
	broken error
	hits   int
}

func (m *mapCache) Load(name string) ([]byte, error) {
	v, ok := m.values[name]
	if !ok || m.broken != nil {
		return nil, errors.Join(fs.ErrNotExist, m.broken)
	}
	m.hits++
	return v, nil
}

func (m *mapCache) Store(name string, value []byte) error {
	if m.broken == nil {
		m.values[name] = value
	}
	return m.broken
}

func newCache() *mapCache { return &mapCache{values: map[string][]byte{}} }

func TestACachedPassphraseOpensWhatItsSlotOpens(t *testing.T) {
	cache := newCache()
	right, wrong := keys.Passphrase("right").WithCache(cache), keys.Passphrase("wrong").WithCache(cache)
	r, k := newRing(t, right)
	if len(cache.values) != 1 {
		t.Fatalf("%d values are cached", len(cache.values))
	}
	if opened, _ := r.open(right); opened.Common(fixture.Ring(t, 1)) != 1 || cache.hits != 1 {
		t.Errorf("another ring is opened, or the cache wasn't asked (%d)", cache.hits)
	}
	if _, _, err := r.unlock(wrong); !errors.Is(err, seal.ErrWrongSecret) {
		t.Errorf("another passphrase: %v", err)
	}
	if err := k.Replace(t.Context(), fixture.KeyFile(t, 1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.unlock(right); !errors.Is(err, seal.ErrWrongSecret) {
		t.Errorf("its slot was removed: %v", err)
	}
}

// What the cache has may be damaged, or the copy of another slot under the same passphrase.
func TestACacheThatIsWrongCostsTimeOnly(t *testing.T) {
	cache := newCache()
	secret := keys.Passphrase("right").WithCache(cache)
	r, _ := newRing(t, secret)
	var other seal.Slot
	if err := other.Wrap(fixture.Ring(t, 2), seal.Passphrase([]byte("right")), seal.LightKDF, nil); err != nil {
		t.Fatal(err)
	}
	stolen, err := other.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for what, wrong := range map[string][]byte{"damaged": []byte("damaged"), "another slot's": stolen} {
		for name := range cache.values {
			cache.values[name] = wrong
		}
		before := cache.hits
		if opened, _ := r.open(secret); opened.Common(fixture.Ring(t, 1)) != 1 || cache.hits == before {
			t.Errorf("%s: another ring is opened, or the cache wasn't asked", what)
		}
		for name, v := range cache.values {
			if bytes.Equal(v, wrong) {
				t.Errorf("%s: %s isn't stored again", what, name)
			}
		}
	}
	cache.broken = errors.New("broken")
	r.open(secret)
}

func TestOnlyPassphrasesAreCached(t *testing.T) {
	cache := newCache()
	secret := fixture.KeyFile(t, 1).WithCache(cache)
	r, _ := newRing(t, secret)
	ring, _ := r.open(secret)
	r.open(sheet(t, ring).WithCache(cache))
	if len(cache.values) > 0 {
		t.Errorf("%d values are cached", len(cache.values))
	}
}
