package keys_test

import (
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

// A slot is cached under its id, and the copy of one can't open another.
func TestTheCacheOfOneSlotOpensNoOther(t *testing.T) {
	cache := newCache()
	one := keys.Passphrase("the same").WithCache(cache)
	newRing(t, one)
	var stolen []byte
	for _, v := range cache.values {
		stolen = v
	}
	r, _ := newRing(t, one)
	for name := range cache.values {
		cache.values[name] = stolen
	}
	before := cache.hits
	r.open(one)
	if cache.hits == before {
		t.Error("the cache wasn't asked")
	}
	if v := cache.values["qsnap:"+r.slots()[0][len("keys/"):]]; string(v) == string(stolen) {
		t.Error("the other's copy has opened the slot")
	}
}

func TestADamagedOrBrokenCacheCostsTimeOnly(t *testing.T) {
	cache := newCache()
	secret := keys.Passphrase("right").WithCache(cache)
	r, _ := newRing(t, secret)
	for name := range cache.values {
		cache.values[name] = []byte("damaged")
	}
	r.open(secret)
	for name, v := range cache.values {
		if string(v) == "damaged" {
			t.Errorf("%s isn't stored again", name)
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
