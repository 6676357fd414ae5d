package object_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/target/targettest"
)

// counting returns a target and a function that returns how many reads it has had since the
// last call.
func counting() (*targettest.Faulty, func() int64) {
	var gets atomic.Int64
	f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "get" {
			gets.Add(1)
		}
		return targettest.None
	}}
	return f, func() int64 { return gets.Swap(0) }
}

// cachedFile returns the file of an object in the cache of a local directory.
func cachedFile(dir, name string) string {
	return filepath.Join(dir, "objects", object.CacheName(name))
}

func TestAnObjectIsFetchedOnce(t *testing.T) {
	f, gets := counting()
	dir := t.TempDir()
	s := object.On(f, object.Options{Dir: dir, CacheSize: 1 << 20})
	name, id := put(t, s, object.Deltas, []byte("bytes"))
	for range 3 {
		if b, err := s.Read(t.Context(), name, id, 9); err != nil || string(b) != "bytes" {
			t.Fatalf("%q, %v", b, err)
		}
	}
	if n := gets(); n != 1 {
		t.Errorf("%d requests", n)
	}
	s.Close()
	later := object.On(f, object.Options{Dir: dir, CacheSize: 1 << 20})
	if b, err := later.Read(t.Context(), name, id, 9); err != nil || string(b) != "bytes" || gets() != 0 {
		t.Errorf("another process: %q, %v", b, err)
	}
}

func TestWhatIsDamagedInTheCacheIsFetchedAgain(t *testing.T) {
	f, gets := counting()
	dir := t.TempDir()
	s := object.On(f, object.Options{Dir: dir, CacheSize: 1 << 20})
	name, id := put(t, s, object.Deltas, []byte("bytes"))
	for _, damaged := range []string{"bytez", "byte", "", "bytes and more"} {
		s.Cache(object.CacheName(name), []byte(damaged))
		if b, ok := s.CachedObject(name, id); ok {
			t.Errorf("the cache gives %q for %q", b, damaged)
		}
		s.Cache(object.CacheName(name), []byte(damaged))
		if b, err := s.Read(t.Context(), name, id, 9); err != nil || string(b) != "bytes" || gets() != 1 {
			t.Errorf("%q in the cache: %q, %v", damaged, b, err)
		}
		if b, err := os.ReadFile(cachedFile(dir, name)); err != nil || string(b) != "bytes" {
			t.Errorf("%q in the cache is %q then, %v", damaged, b, err)
		}
	}
}

func TestWhatIsDamagedOnTheTargetIsNotCached(t *testing.T) {
	mem := &targettest.Memory{}
	dir := t.TempDir()
	s := object.On(mem, object.Options{Dir: dir, CacheSize: 1 << 20})
	name, id := put(t, s, object.Deltas, []byte("bytes"))
	mem.Set(name, []byte("bytez"))
	_, err := s.Read(t.Context(), name, id, 9)
	if damage, ok := errors.AsType[*object.DamageError](err); !ok || damage.Object != name || !errors.Is(err, object.ErrHash) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(cachedFile(dir, name)); err == nil {
		t.Error("it is cached")
	}
}

func TestOnlyARemoteTargetWithRoomForItHasACache(t *testing.T) {
	mem := &targettest.Memory{}
	for what, s := range map[string]*object.Store{
		"local":             object.On(newLocal(t), object.Options{Dir: t.TempDir(), CacheSize: 1 << 20}),
		"without directory": object.On(mem, object.Options{CacheSize: 1 << 20}),
		"without size":      object.On(mem, object.Options{Dir: t.TempDir()}),
		"with less":         object.On(mem, object.Options{Dir: t.TempDir(), CacheSize: -1}),
		"fresh":             object.On(mem, object.Options{Dir: t.TempDir(), CacheSize: 1 << 20}).Fresh(),
	} {
		s.Cache("a", []byte("a"))
		_, ok := s.Cached("a", func([]byte) error { return nil })
		if ok || s.Caches() {
			t.Errorf("%s: there is one", what)
		}
		s.Close()
	}
	if !object.On(mem, object.Options{Dir: t.TempDir(), CacheSize: 1}).Caches() {
		t.Error("remote, with a directory and a size: there is none")
	}
}

func TestFreshReadsWhatTheTargetHolds(t *testing.T) {
	mem, copied := &targettest.Memory{}, &targettest.Memory{}
	s := object.On(mem, object.Options{Dir: t.TempDir(), CacheSize: 1 << 20, Replicas: []object.Replica{replica("b", copied)}})
	name, id := put(t, s, object.Deltas, []byte("bytes"))
	put(t, object.On(copied, object.Options{}), object.Deltas, []byte("bytes"))
	if _, err := s.Read(t.Context(), name, id, 9); err != nil {
		t.Fatal(err)
	}
	mem.Set(name, []byte("bytez"))
	if _, err := s.Read(t.Context(), name, id, 9); err != nil {
		t.Errorf("the cache doesn't serve: %v", err)
	}
	if _, err := s.Fresh().Read(t.Context(), name, id, 9); !object.IsDamage(err) {
		t.Errorf("fresh: %v", err)
	}
	if b, err := s.Fresh(replica("b", copied)).Read(t.Context(), name, id, 9); err != nil || string(b) != "bytes" {
		t.Errorf("fresh, with a replica: %q, %v", b, err)
	}
}

func TestFetchFillsTheCacheAndLeavesErrorsToTheReader(t *testing.T) {
	f, gets := counting()
	s := object.On(f, object.Options{Dir: t.TempDir(), CacheSize: 1 << 20})
	var all []object.Listed
	for i := range 20 {
		b := bytes.Repeat([]byte{byte(i)}, i)
		name, id := put(t, s, object.Deltas, b)
		all = append(all, object.Listed{ID: id, Size: int64(i)})
		if i == 7 {
			f.Set(name, nil)
		}
	}
	if err := s.Fetch(t.Context(), object.Deltas, all, 99); err != nil {
		t.Fatal(err)
	}
	if n := gets(); n != 20 {
		t.Errorf("%d requests", n)
	}
	for i, o := range all {
		if _, err := s.Read(t.Context(), object.Deltas.Name(o.ID), o.ID, 99); (err != nil) != (i == 7) {
			t.Errorf("object %d: %v", i, err)
		}
	}
	if n := gets(); n != 1 {
		t.Errorf("%d requests of those that were fetched", n)
	}
	if err := s.Fresh().Fetch(t.Context(), object.Deltas, all, 99); err != nil || gets() != 0 {
		t.Errorf("without a cache something is fetched, %v", err)
	}
}
