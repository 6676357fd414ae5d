package repair_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/internal/check"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// A room is a repository in memory.
type room struct {
	*engine.Engine
	t     *testing.T
	mem   *targettest.Memory
	clock *fixture.Clock
}

func newRoom(t *testing.T) *room {
	r := &room{t: t, mem: &targettest.Memory{}, clock: &fixture.Clock{}}
	r.Engine = enginetest.Create(t, r.mem, r.clock)
	return r
}

// reopen opens the repository as another process would.
func (r *room) reopen() { r.Engine = enginetest.Open(r.t, r.mem, r.clock) }

// files returns files whose names are those of the seeds of their bytes. Six of them fill
// more than one segment.
func files(seeds string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 9))
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 8 {
			binary.LittleEndian.PutUint64(b[i:], r.Uint64())
		}
		out[string(seed)] = &fstest.MapFile{Data: b, Mode: 0o644}
	}
	return out
}

func (r *room) take(seeds string) *snapshot.Manifest {
	r.t.Helper()
	return enginetest.Take(r.t, r.Engine, files(seeds))
}

// dataPacks returns the packs of chunks.
func (r *room) dataPacks() (ids []pack.ID) {
	r.t.Helper()
	for name, b := range r.mem.Objects() {
		id, ok := object.Packs.ID(name)
		if !ok {
			continue
		}
		info, err := r.Blobs.PackInfo(r.t.Context(), id, int64(len(b)))
		if err != nil {
			r.t.Fatal(err)
		}
		if !info.IsTree() {
			ids = append(ids, id)
		}
	}
	return ids
}

// flip damages an object at some byte, and returns what it was.
func (r *room) flip(name string, at int) []byte {
	before := r.mem.Objects()[name]
	b := slices.Clone(before)
	b[at] ^= 1
	r.mem.Set(name, b)
	return before
}

// names returns the names of the files of a snapshot.
func (r *room) names(m *snapshot.Manifest) (names string) {
	r.t.Helper()
	for e, err := range view.ReadDir(r.t.Context(), r.Blobs, &m.Root) {
		if err != nil {
			r.t.Fatal(err)
		}
		names += e.Name
	}
	return names
}

// has reports whether an object is there.
func (r *room) has(name string) bool {
	r.t.Helper()
	_, err := r.Store.Stat(r.t.Context(), name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.t.Fatal(err)
	}
	return err == nil
}

// findings returns what a check finds.
func (r *room) findings() (out []check.Finding) {
	r.t.Helper()
	report, err := check.Run(r.t.Context(), r.Engine, check.Options{ReadData: true})
	if err != nil && len(report.Findings) == 0 {
		r.t.Fatal(err)
	}
	return report.Findings
}
