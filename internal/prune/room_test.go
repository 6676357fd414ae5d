package prune_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/internal/check"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// A room is a repository in memory.
type room struct {
	*engine.Engine
	t   *testing.T
	mem *targettest.Memory
}

func newRoom(t *testing.T) *room {
	mem := &targettest.Memory{}
	return &room{enginetest.Create(t, mem, &fixture.Clock{}), t, mem}
}

// random returns n bytes that can't be compressed, which are the same for the same seed.
func random(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 9))
	b := make([]byte, (n+7)/8*8)
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b[:n]
}

// files returns files whose names are those of the seeds of their bytes.
func files(seeds string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, seed := range seeds {
		out[string(seed)] = &fstest.MapFile{Data: random(uint64(seed), 50_000), Mode: 0o644}
	}
	return out
}

func (r *room) take(seeds string) *snapshot.Manifest {
	r.t.Helper()
	return enginetest.Take(r.t, r.Engine, files(seeds))
}

func (r *room) forget(m *snapshot.Manifest) {
	r.t.Helper()
	if _, err := r.Catalog.ForgetAll(r.t.Context(), []snapshot.ID{m.ID}); err != nil {
		r.t.Fatal(err)
	}
}

// count returns how many objects of a kind there are.
func (r *room) count(kind object.Kind) (n int) {
	for name := range r.mem.Objects() {
		if strings.HasPrefix(name, string(kind)) {
			n++
		}
	}
	return n
}

// dataPack returns the one pack of chunks, and its bytes.
func (r *room) dataPack() (id pack.ID, b []byte) {
	r.t.Helper()
	found := 0
	for name, bytes := range r.mem.Objects() {
		packed, ok := object.Packs.ID(name)
		if !ok {
			continue
		}
		if info, err := r.Blobs.PackInfo(r.t.Context(), packed, int64(len(bytes))); err != nil {
			r.t.Fatal(err)
		} else if !info.IsTree() {
			id, b = packed, bytes
			found++
		}
	}
	if found != 1 {
		r.t.Fatalf("there are %d packs of chunks", found)
	}
	return id, b
}

func (r *room) has(id pack.ID) bool { return r.mem.Objects()[object.Packs.Name(id)] != nil }

// session begins a run that deletes, on the repository with an index of its own.
func (r *room) session() (*engine.Engine, *write.Session) {
	r.t.Helper()
	fresh, err := engine.Fresh(r.Engine)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { engine.Close(fresh) })
	s, _, err := write.Begin(r.t.Context(), fresh, runs.Pruning, runs.Record{What: "test"}, pack.Auto, 1)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(s.Close)
	return fresh, s
}

// whole fails if something is damaged or lost.
func (r *room) whole() {
	r.t.Helper()
	report, err := check.Run(r.t.Context(), r.Engine, check.Options{ReadData: true})
	if err != nil {
		r.t.Errorf("%v: %+v", err, report.Findings)
	}
}

// same fails unless the target is as it was.
func (r *room) same(before map[string][]byte, what string) {
	r.t.Helper()
	after := r.mem.Objects()
	for name, b := range before {
		if !bytes.Equal(after[name], b) {
			r.t.Errorf("%s: %s has changed", what, name)
		}
		delete(after, name)
	}
	for name := range after {
		r.t.Errorf("%s: %s is new", what, name)
	}
}
