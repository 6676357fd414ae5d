package object_test

import (
	"errors"
	"maps"
	"os"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// writes does everything with a store that changes a target, and returns the errors.
func writes(t *testing.T, s *object.Store, there string) map[string]error {
	t.Helper()
	spool, err := s.Spool(t.Context(), new(pack.Buffer))
	if err == nil {
		_, err = spool.WriteAt([]byte("spooled"), 0)
	}
	if err == nil {
		err = spool.Commit(t.Context(), "packs/spooled", 7)
	}
	if spool != nil {
		if err := spool.Discard(); err != nil {
			t.Error(err)
		}
	}
	return map[string]error{
		"Spool":  err,
		"Create": s.Create(t.Context(), "index/b", []byte("12")),
		"Put":    s.Put(t.Context(), "index/c", []byte("123")),
		"Delete": s.Delete(t.Context(), there),
		"Remove": s.Remove(t.Context(), there),
	}
}

// stores returns a store on each kind of target, and what it holds.
func stores(t *testing.T) map[string]*object.Store {
	return map[string]*object.Store{
		"local":  object.On(newLocal(t), object.Options{}),
		"remote": object.On(&targettest.Memory{}, object.Options{Dir: t.TempDir(), CacheSize: 1 << 20}),
	}
}

// contents returns what a store lists.
func contents(t *testing.T, s *object.Store) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		out[info.Name] = info.Size
	}
	return out
}

func TestADryStoreStoresNothingAndCounts(t *testing.T) {
	for what, s := range stores(t) {
		name, id := put(t, s, object.Deltas, []byte("bytes"))
		before := contents(t, s)
		dry, meter := s.Dry()
		for op, err := range writes(t, dry, name) {
			if err != nil {
				t.Errorf("%s: %s: %v", what, op, err)
			}
		}
		if after := contents(t, s); !maps.Equal(after, before) {
			t.Errorf("%s: the target holds %v, before it held %v", what, after, before)
		}
		if n, up := meter.Requests.Load(), meter.Up.Load(); n != 5 || up != 2+3+7 {
			t.Errorf("%s: %d requests and %d bytes are counted", what, n, up)
		}
		if b, err := dry.Read(t.Context(), name, id, 9); err != nil || string(b) != "bytes" {
			t.Errorf("%s: %q, %v", what, b, err)
		}
		if _, err := dry.Stat(t.Context(), name); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if n := len(contents(t, dry)); n != 1 {
			t.Errorf("%s: a dry store lists %d objects", what, n)
		}
		if n, down := meter.Requests.Load(), meter.Down.Load(); n != 8 || down != 5 {
			t.Errorf("%s: then %d requests and %d bytes that were read", what, n, down)
		}
		if dry.Remote() != s.Remote() {
			t.Errorf("%s: dry it isn't", what)
		}
	}
}

func TestADryStoreOnlyReadsTheCache(t *testing.T) {
	dir := t.TempDir()
	s := object.On(&targettest.Memory{}, object.Options{Dir: dir, CacheSize: 1 << 20})
	known, knownID := put(t, s, object.Deltas, []byte("known"))
	name, id := put(t, s, object.Deltas, []byte("new"))
	if _, err := s.Read(t.Context(), known, knownID, 9); err != nil {
		t.Fatal(err)
	}
	dry, meter := s.Dry()
	if b, err := dry.Read(t.Context(), known, knownID, 9); err != nil || string(b) != "known" || meter.Requests.Load() != 0 {
		t.Errorf("what is cached: %q, %v, %d requests", b, err, meter.Requests.Load())
	}
	if _, err := dry.Read(t.Context(), name, id, 9); err != nil {
		t.Error(err)
	}
	dry.Close()
	if _, err := os.Stat(cachedFile(dir, name)); err == nil {
		t.Error("a dry store has cached an object")
	}
	if _, err := os.Stat(cachedFile(dir, known)); err != nil {
		t.Errorf("a dry store has dropped an object: %v", err)
	}
}

func TestADryStoreReadsFromReplicasWhatTheTargetCantGive(t *testing.T) {
	here, copied := &targettest.Memory{}, &targettest.Memory{}
	s := object.On(here, object.Options{Replicas: []object.Replica{replica("b", copied)}})
	name, id := put(t, object.On(copied, object.Options{}), object.Deltas, []byte("bytes"))
	here.Set(name, []byte("damaged"))
	dry, _ := s.Dry()
	if b, err := dry.Read(t.Context(), name, id, 9); err != nil || string(b) != "bytes" {
		t.Errorf("%q, %v", b, err)
	}
	if got := s.Served(); len(got) != 1 || got[0] != name {
		t.Errorf("served by a replica are %q", got)
	}
}

func TestAReadOnlyStoreRefusesEachWriteAndReads(t *testing.T) {
	why := errors.New("it is a replica")
	for what, s := range stores(t) {
		name, id := put(t, s, object.Deltas, []byte("bytes"))
		before := contents(t, s)
		ro := s.ReadOnly(why)
		for op, err := range writes(t, ro, name) {
			if !errors.Is(err, why) {
				t.Errorf("%s: %s: %v", what, op, err)
			}
		}
		if after := contents(t, ro); !maps.Equal(after, before) {
			t.Errorf("%s: the target holds %v, before it held %v", what, after, before)
		}
		if b, err := ro.Read(t.Context(), name, id, 9); err != nil || string(b) != "bytes" {
			t.Errorf("%s: %q, %v", what, b, err)
		}
		if info, err := ro.Stat(t.Context(), name); err != nil || info.Size != 5 {
			t.Errorf("%s: %v, %v", what, info, err)
		}
		if ro.Remote() != s.Remote() || ro.Caches() {
			t.Errorf("%s: remote is %v, cached is %v", what, ro.Remote(), ro.Caches())
		}
	}
}

func TestAReadOnlyTargetHidesWhatElseItCanDo(t *testing.T) {
	s := object.On(&targettest.Vault{}, object.Options{}).ReadOnly(errors.New("read only"))
	if s.Locker() != nil {
		t.Error("it can lock")
	}
	if _, ok := object.As[target.Stager](object.On(newLocal(t), object.Options{}).ReadOnly(errors.New("read only"))); ok {
		t.Error("it can stage")
	}
}
