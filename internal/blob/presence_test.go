package blob_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// local returns the same objects on the local file system.
func (s *stack) local() target.Target {
	s.t.Helper()
	tgt, err := local.Create(filepath.Join(s.t.TempDir(), "target"))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, b := range s.mem.Objects() {
		if err := tgt.Put(s.t.Context(), name, bytes.NewReader(b), int64(len(b))); err != nil {
			s.t.Fatal(err)
		}
	}
	return tgt
}

func TestAChunkIsPresentWhereItsPackIsLongEnough(t *testing.T) {
	s := newStack(t)
	p := s.pack(seal.DataPack, [][]byte{one}, [][]byte{two})
	s.list(p)
	whole := s.mem.Objects()[packName(p)]
	elsewhere := func(tgt target.Target) object.Options {
		return object.Options{Replicas: []object.Replica{{Name: "b", Open: func(context.Context) (target.Target, error) { return tgt, nil }}}}
	}
	end := p.Segments[1].Offset
	for what, c := range map[string]struct {
		here, there []byte
		first       bool   // the first chunk is present
		second      bool   // the second is
		on          string // the replica that the second is on
	}{
		"whole":              {whole, nil, true, true, ""},
		"cut":                {whole[:end], nil, true, false, ""},
		"missing":            {nil, nil, false, false, ""},
		"cut, and a copy":    {whole[:end], whole, true, true, "b"},
		"missing, and a cut": {nil, whole[:end], true, false, ""},
	} {
		s.mem.Set(packName(p), c.here)
		replica := &targettest.Memory{}
		replica.Set(packName(p), c.there)
		src := s.on(s.mem, elsewhere(replica), blob.Options{Dir: s.dir}).Source(1)
		for range 2 {
			if _, err := src.Present(t.Context(), s.data.ID(one)); (err == nil) != c.first || err != nil && !blob.IsLost(err) {
				t.Errorf("%s, the first: %v", what, err)
			}
			on, err := src.Present(t.Context(), s.data.ID(two))
			if (err == nil) != c.second || err != nil && !blob.IsLost(err) || on != c.on {
				t.Errorf("%s, the second: on %q, %v", what, on, err)
			}
		}
	}
	if _, err := s.reader().Source(1).Present(t.Context(), s.data.ID(three)); !blob.IsLost(err) {
		t.Errorf("in no pack: %v", err)
	}
}

// Looking for packs one by one never takes more requests than twice a listing.
func TestPresenceTakesFewRequests(t *testing.T) {
	s := newStack(t)
	var chunks [][]byte
	for i := range 600 {
		chunks = append(chunks, []byte{byte(i), byte(i >> 8)})
		s.list(s.pack(seal.DataPack, [][]byte{chunks[i]}))
	}
	ops := map[string]int{}
	f := &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
		ops[op.Method]++
		return targettest.None
	}}
	r := s.on(f, object.Options{}, blob.Options{Dir: s.dir})
	if _, err := r.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	clear(ops)
	src := r.Source(1)
	for round := range 2 {
		for i, b := range chunks {
			if _, err := src.Present(t.Context(), s.data.ID(b)); err != nil {
				t.Errorf("%d: %v", i, err)
			}
			if round == 0 && i == 9 && (ops["list"] != 0 || ops["stat"] != 10) {
				t.Errorf("of ten packs: %v", ops)
			}
		}
	}
	if ops["stat"] != 257 || ops["list"] != 1 || ops["get"] != 0 {
		t.Errorf("of 600 packs: %v", ops)
	}
}

// A pack is repacked after this process has read its index.
func TestAChunkThatHasMovedIsPresent(t *testing.T) {
	s := newStack(t)
	old := s.pack(seal.DataPack, [][]byte{one, two, three})
	delta := s.list(old)
	ops := map[string]int{}
	f := &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
		ops[op.Method]++
		return targettest.None
	}}
	r := s.on(f, object.Options{}, blob.Options{Dir: s.dir})
	if _, err := r.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	s.mem.Set(object.Deltas.Name(delta), nil)
	s.mem.Set(packName(old), nil)
	src := r.Source(1)
	if _, err := src.Present(t.Context(), s.data.ID(one)); err != nil {
		t.Errorf("in another pack: %v", err)
	}
	if _, err := src.Present(t.Context(), s.data.ID(two)); !blob.IsLost(err) {
		t.Errorf("in none: %v", err)
	}
	clear(ops)
	for range 3 {
		if _, err := src.Present(t.Context(), s.data.ID(one)); err != nil || len(ops) > 0 {
			t.Errorf("asked for again, it takes %v, %v", ops, err)
		}
	}
}

// A chunk of a pack that is gone takes no request, once another has been missed there.
func TestAPackThatIsGoneIsLookedForOnce(t *testing.T) {
	s := newStack(t)
	gone := s.pack(seal.DataPack, [][]byte{one, two, three})
	s.list(gone)
	s.mem.Set(packName(gone), nil)
	f := &targettest.Faulty{Memory: s.mem}
	src := s.on(f, object.Options{}, blob.Options{Dir: s.dir}).Source(1)
	if _, err := src.Present(t.Context(), s.data.ID(one)); !blob.IsLost(err) {
		t.Error(err)
	}
	before := f.Ops()
	for _, b := range [][]byte{two, three} {
		if _, err := src.Present(t.Context(), s.data.ID(b)); !blob.IsLost(err) || f.Ops() != before {
			t.Errorf("%d requests, %v", f.Ops()-before, err)
		}
	}
}

func TestPresenceReportsATargetThatFails(t *testing.T) {
	s := newStack(t)
	s.list(s.pack(seal.DataPack, [][]byte{one}))
	fault := targettest.None
	f := &targettest.Faulty{Memory: s.mem, Decide: func(targettest.Op) targettest.Fault { return fault }}
	r := s.on(f, object.Options{}, blob.Options{})
	if _, err := r.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	fault = targettest.Fail
	if _, err := r.Source(1).Present(t.Context(), s.data.ID(one)); err == nil || blob.IsLost(err) {
		t.Errorf("%v", err)
	}
}
