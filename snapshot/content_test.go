package snapshot

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

func randomChunks(r *rand.Rand, n int) []Chunk {
	out := make([]Chunk, n)
	for i := range out {
		out[i] = Chunk{randomID(r), 1 + r.Uint32N(1<<19)}
	}
	return out
}

func writeContent(t testing.TB, s store, chunks []Chunk) *Entry {
	t.Helper()
	w := NewContentWriter(s.put)
	e := &Entry{Name: "f"}
	for _, c := range chunks {
		if err := w.Add(c); err != nil {
			t.Fatal(err)
		}
		e.Size += int64(c.Length)
	}
	if err := w.Finish(e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestContentReadsAsWrittenFromAnyOffset(t *testing.T) {
	for _, n := range []int{0, 1, inlineChunks, inlineChunks + 1, 500, 10_000} {
		r := rand.New(rand.NewPCG(uint64(n), 3))
		s := store{}
		chunks := randomChunks(r, n)
		e := writeContent(t, s, chunks)
		if inline := e.List.IsZero(); inline != (n <= inlineChunks) {
			t.Errorf("%d chunks: in the entry: %v", n, inline)
		}
		for range 20 {
			from := int64(0)
			if e.Size > 0 {
				from = r.Int64N(e.Size + 1)
			}
			var at int64
			first := 0
			for first < n && at+int64(chunks[first].Length) <= from {
				at += int64(chunks[first].Length)
				first++
			}
			var got []Chunk
			for c, err := range Chunks(t.Context(), s, e, from) {
				if err != nil {
					t.Fatal(err)
				}
				if c.Offset != at {
					t.Fatalf("%d chunks: one at %d, want %d", n, c.Offset, at)
				}
				at += int64(c.Length)
				got = append(got, c.Chunk)
			}
			if !slices.Equal(got, chunks[first:]) {
				t.Fatalf("%d chunks, from %d: read %d, want %d", n, from, len(got), n-first)
			}
		}
	}
}

func TestAnAppendRewritesTheEndOfTheListOnly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	s := store{}
	chunks := randomChunks(r, 30_000)
	writeContent(t, s, chunks)
	before := len(s)
	writeContent(t, s, append(chunks, randomChunks(r, 1)...))
	if n := len(s) - before; n < 1 || n > 4 {
		t.Errorf("%d new pages", n)
	}
}

func FuzzParseList(f *testing.F) {
	s := store{}
	writeContent(f, s, randomChunks(rand.New(rand.NewPCG(2, 3)), 3000))
	for _, b := range s {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		level, spans, err := parseList(b)
		if err == nil && !bytes.Equal(appendList(nil, level, spans), b) {
			t.Errorf("%x parses, but is written otherwise", b)
		}
	})
}
