package extract_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

const segmentSize = 1 << 20

// A memory is a source that costs next to nothing: a pack whose segments all have
// the same bytes, which are trusted.
type memory struct {
	hasher *chunk.Hasher
	pages  map[chunk.ID][]byte
	places map[chunk.ID]index.Place
	pack   pack.Info
	plain  []byte
	used   int // bytes of the pack's segments that are chunks
}

func newMemory() *memory {
	m := &memory{
		hasher: chunk.NewHasher([32]byte{1}), pages: map[chunk.ID][]byte{}, places: map[chunk.ID]index.Place{},
		plain: make([]byte, segmentSize),
	}
	rand.NewChaCha8([32]byte{}).Read(m.plain)
	return m
}

// chunk makes a chunk of some size, which divides that of a segment.
func (m *memory) chunk(size int) (c snapshot.Chunk) {
	if m.used%segmentSize == 0 {
		m.pack.Segments = append(m.pack.Segments, pack.Segment{Stored: segmentSize, Plain: segmentSize})
	}
	binary.LittleEndian.PutUint64(c.ID[:], uint64(len(m.places)+1))
	c.Length = uint32(size)
	m.places[c.ID] = index.Place{Pack: &m.pack, Segment: uint32(m.used / segmentSize), Offset: uint32(m.used % segmentSize), Length: c.Length}
	m.used += size
	return c
}

func (m *memory) put(page []byte) (chunk.ID, error) {
	id := m.hasher.ID(page)
	m.pages[id] = bytes.Clone(page)
	return id, nil
}

func (m *memory) Tree(_ context.Context, id chunk.ID) ([]byte, error) { return m.pages[id], nil }

func (m *memory) Locate(_ context.Context, id chunk.ID) (index.Place, error) {
	if p, ok := m.places[id]; ok {
		return p, nil
	}
	return index.Place{}, fmt.Errorf("chunk %s is lost", id.Short())
}

func (m *memory) Present(ctx context.Context, id chunk.ID) (string, error) {
	_, err := m.Locate(ctx, id)
	return "", err
}

func (m *memory) Prefetch(context.Context, iter.Seq2[*pack.Info, int]) func() { return func() {} }

func (m *memory) Requests(iter.Seq2[*pack.Info, int]) int { return 1 }

func (m *memory) Segment(_ context.Context, _ *pack.Info, _ int, buf []byte) ([]byte, error) {
	return append(buf[:0], m.plain...), nil
}

func (m *memory) Chunk(_ context.Context, id chunk.ID) ([]byte, error) {
	return nil, fmt.Errorf("chunk %s is not where it should be", id.Short())
}

func (m *memory) Verify(chunk.ID, []byte) error { return nil }

// file makes a file of so many chunks.
func (m *memory) file(t testing.TB, name string, chunks, chunkSize int) snapshot.Entry {
	t.Helper()
	e := snapshot.Entry{Name: name, Type: snapshot.File, Mode: 0o644, MTime: snapshot.Time{Sec: 1_700_000_000}, Size: int64(chunks * chunkSize)}
	content := snapshot.NewContentWriter(m.put)
	for range chunks {
		if err := content.Add(m.chunk(chunkSize)); err != nil {
			t.Fatal(err)
		}
	}
	if err := content.Finish(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

// dir makes a directory of entries in order, and returns its own.
func (m *memory) dir(t testing.TB, entries ...snapshot.Entry) snapshot.Entry {
	t.Helper()
	w := snapshot.NewTreeWriter(m.put)
	for i := range entries {
		if err := w.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	id, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Entry{Type: snapshot.Dir, Mode: 0o755, Subtree: id}
}
