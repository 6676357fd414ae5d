package blob_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A stack is packs and deltas on a target in memory.
type stack struct {
	t          *testing.T
	mem        *targettest.Memory
	ring       *seal.Keyring
	sealer     *seal.Sealer
	data, tree *chunk.Hasher
	dir        string // of the local index
}

func newStack(t *testing.T) *stack {
	t.Helper()
	ring := fixture.Ring(t, 1)
	return &stack{
		t: t, mem: &targettest.Memory{}, ring: ring, sealer: fixture.Sealer(ring),
		data: chunk.NewHasher([32]byte{1}), tree: chunk.NewHasher([32]byte{2}), dir: t.TempDir(),
	}
}

// bytesOf returns n bytes that look random, and are the same for a seed.
func bytesOf(t *testing.T, seed byte, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(fixture.Random(seed), b); err != nil {
		t.Fatal(err)
	}
	return b
}

// pack stores a pack, each of whose segments holds some blobs, under a key ring's newest key.
func (s *stack) pack(kind seal.Kind, segments ...[][]byte) *pack.Info {
	s.t.Helper()
	hasher := s.data
	if kind == seal.TreePack {
		hasher = s.tree
	}
	var buffer pack.Buffer
	builder, err := pack.NewBuilder(s.sealer, fixture.Run(s.t, s.sealer), kind, &buffer)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, blobs := range segments {
		var parts []pack.Part
		for _, b := range blobs {
			parts = append(parts, pack.Part{ID: hasher.ID(b), Length: len(b)})
		}
		plain := bytes.Join(blobs, nil)
		slot, _ := builder.Reserve(pack.Raw, len(plain), len(plain), parts)
		if err := builder.Write(slot, plain); err != nil {
			s.t.Fatal(err)
		}
	}
	info, err := builder.Finish()
	if err != nil {
		s.t.Fatal(err)
	}
	b := make([]byte, info.Size)
	if _, err := buffer.ReadAt(b, 0); err != nil && err != io.EOF {
		s.t.Fatal(err)
	}
	if blake3.Sum256(b) != info.ID {
		s.t.Fatal("a pack isn't named by its bytes")
	}
	s.mem.Set(object.Packs.Name(info.ID), b)
	return info
}

func (s *stack) seal(kind seal.Kind, body []byte) []byte {
	s.t.Helper()
	b, err := s.sealer.Seal(kind, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// list stores a delta that lists packs.
func (s *stack) list(packs ...*pack.Info) index.ID {
	s.t.Helper()
	id, _, err := s.on(s.mem, object.Options{}, blob.Options{}).PutDelta(s.t.Context(), index.Delta(packs))
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// on returns a reader, as another process has it, of another view of the target.
func (s *stack) on(tgt target.Target, o object.Options, b blob.Options) *blob.Reader {
	s.t.Helper()
	store := object.On(tgt, o)
	b.Data, b.Tree = s.data, s.tree
	r, err := blob.New(store, keys.New(store, s.ring, "", keys.Options{}), s.sealer, b)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := r.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return r
}

// reader returns a reader that uses the local index of the stack.
func (s *stack) reader() *blob.Reader {
	return s.on(s.mem, object.Options{}, blob.Options{Dir: s.dir})
}

// wants fails the test unless a reader gives these chunks.
func (s *stack) wants(what string, r *blob.Reader, chunks ...[]byte) {
	s.t.Helper()
	for _, want := range chunks {
		if got, err := r.Blob(s.t.Context(), s.data.ID(want), false); err != nil || !bytes.Equal(got, want) {
			s.t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
	}
}

// damage flips a bit of an object.
func (s *stack) damage(name string, at int64) {
	s.t.Helper()
	b := bytes.Clone(s.mem.Objects()[name])
	b[at] ^= 1
	s.mem.Set(name, b)
}

func packName(p *pack.Info) string { return object.Packs.Name(p.ID) }
