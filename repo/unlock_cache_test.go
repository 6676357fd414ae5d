package repo_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"sync"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// mapMemory remembers, and counts.
type mapMemory struct {
	mu            sync.Mutex
	values        map[string][]byte
	loads, stores int
	broken        error
}

func (m *mapMemory) Load(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	if v, ok := m.values[name]; ok && m.broken == nil {
		return v, nil
	}
	return nil, errors.Join(m.broken, fs.ErrNotExist)
}

func (m *mapMemory) Store(name string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stores++
	if m.broken == nil {
		m.values[name] = value
	}
	return m.broken
}

// A remembering is a repository that a passphrase opens, and its memory.
type remembering struct {
	t      *testing.T
	target *targettest.Memory
	memory *mapMemory
}

func newRemembering(t *testing.T) *remembering {
	r := &remembering{t, &targettest.Memory{}, &mapMemory{values: map[string][]byte{}}}
	made, err := repo.Init(t.Context(), r.target, r.secret("right"), repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	made.Close()
	return r
}

func (r *remembering) secret(p string) repo.Secret {
	return repo.Passphrase(p).WithUnlockCache(r.memory)
}

// open opens the repository and returns how often something was stored in memory: each
// time that the slot itself had to be opened.
func (r *remembering) open(s repo.Secret) (opened *repo.Repo, stores int, err error) {
	r.t.Helper()
	before := r.memory.stores
	opened, err = repo.Open(r.t.Context(), r.target, s, repo.Options{CacheDir: r.t.TempDir()})
	if err == nil {
		r.t.Cleanup(func() { opened.Close() })
	}
	return opened, r.memory.stores - before, err
}

func TestARememberedPassphraseOpensAtOnce(t *testing.T) {
	r := newRemembering(t)
	if _, stores, err := r.open(r.secret("right")); err != nil || stores != 0 {
		t.Errorf("after init: %v; stored %d times", err, stores)
	}
	clear(r.memory.values)
	for want := range 2 {
		if _, stores, err := r.open(r.secret("right")); err != nil || stores != 1-want {
			t.Errorf("%v; stored %d times", err, stores)
		}
	}
	for name, value := range r.memory.values {
		var slot struct {
			Time      uint32 `json:"time"`
			MemoryKiB uint32 `json:"memory_kib"`
			KDF       string `json:"kdf"`
		}
		if err := json.Unmarshal(value, &slot); err != nil || slot.KDF != "argon2id" || slot.Time != 5 || slot.MemoryKiB != 7168 {
			t.Errorf("%s: %s, %v", name, value, err)
		}
	}
	before := r.memory.loads
	if _, _, err := r.open(repo.Passphrase("right")); err != nil || r.memory.loads != before {
		t.Errorf("without a memory: %v", err)
	}
}

func TestAnUnlockCacheOpensNothingThatTheRepositoryDoesNot(t *testing.T) {
	r := newRemembering(t)
	if _, stores, err := r.open(r.secret("wrong")); !errors.Is(err, repo.ErrWrongSecret) || stores != 0 {
		t.Errorf("another passphrase: %v; stored %d times", err, stores)
	}
	opened, _, err := r.open(r.secret("right"))
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Keys().Replace(t.Context(), repo.Passphrase("new")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.open(r.secret("right")); !errors.Is(err, repo.ErrWrongSecret) {
		t.Errorf("a slot that isn't there any more: %v", err)
	}
	if _, stores, err := r.open(r.secret("new")); err != nil || stores != 1 {
		t.Errorf("the new slot: %v; stored %d times", err, stores)
	}
}

// A damaged cache costs only time, and is repaired if it can be written.
func TestADamagedUnlockCacheIsIgnored(t *testing.T) {
	r, other := newRemembering(t), newRemembering(t)
	foreign := func(own map[string][]byte) {
		for name := range own {
			for _, value := range other.memory.values {
				own[name] = value
			}
		}
	}
	for what, spoil := range map[string]func(map[string][]byte){
		"empty":   func(m map[string][]byte) { m[first(m)] = nil },
		"no slot": func(m map[string][]byte) { m[first(m)] = []byte("{}") },
		"cut":     func(m map[string][]byte) { m[first(m)] = m[first(m)][:100] },
		"foreign": foreign,
	} {
		spoil(r.memory.values)
		opened, _, err := r.open(r.secret("right"))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if _, err := opened.Keys().List(t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if _, stores, err := r.open(r.secret("right")); err != nil || stores != 0 {
			t.Errorf("%s, again: %v; stored %d times", what, err, stores)
		}
	}
	r.memory.broken = errors.New("out of order")
	if _, stores, err := r.open(r.secret("right")); err != nil || stores != 1 {
		t.Errorf("broken: %v; stored %d times", err, stores)
	}
}

func first(m map[string][]byte) string {
	for name := range maps.Keys(m) {
		return name
	}
	return ""
}

// Keys and recovery sheets cost nothing to open with, and are in no memory.
func TestOnlyPassphrasesAreRemembered(t *testing.T) {
	memory := &mapMemory{values: map[string][]byte{}}
	tgt := &targettest.Memory{}
	key := testKey(t).WithUnlockCache(memory)
	o := repo.Options{CacheDir: t.TempDir()}
	r, err := repo.Init(t.Context(), tgt, key, repo.InitOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if r, err = repo.Open(t.Context(), tgt, key, o); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if memory.stores != 0 {
		t.Errorf("stored %d times", memory.stores)
	}
}

// After a rotation the passphrase opens with the new key, whatever was remembered.
func TestARotationIsNotForgotten(t *testing.T) {
	r := newRemembering(t)
	opened, _, err := r.open(r.secret("right"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opened.Keys().Rotate(t.Context(), r.secret("right")); err != nil {
		t.Fatal(err)
	}
	again, _, err := r.open(r.secret("right"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := again.Keys().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.Current && k.Outdated {
			t.Errorf("opened with %+v", k)
		}
	}
}
