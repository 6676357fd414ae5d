package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/restic/chunker"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/snapshot"
)

var (
	predictParams = chunk.Params{Polynomial: 0x3DA3358B4DC173, Min: 4 << 10, Max: 32 << 10, Bits: 12, Whole: 8 << 10}
	predictNames  = chunk.NewHasher([32]byte{1})
)

func randomBytes(seed uint64, n int) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// resticEntry returns a file that is cut as restic/chunker cuts.
func resticEntry(t testing.TB, data []byte) *snapshot.Entry {
	t.Helper()
	c := chunker.New(bytes.NewReader(data), chunker.Pol(predictParams.Polynomial),
		chunker.WithBoundaries(uint(predictParams.Min), uint(predictParams.Max)), chunker.WithAverageBits(predictParams.Bits))
	e := new(snapshot.Entry)
	for {
		piece, err := c.Next(nil)
		if err == io.EOF {
			return e
		}
		if err != nil {
			t.Fatal(err)
		}
		e.Content = append(e.Content, snapshot.Chunk{ID: predictNames.ID(piece.Data), Length: uint32(piece.Length)})
	}
}

// predicted cuts data, and says how many of its bytes the cutter didn't see, or -1 if
// the cuts are wrong.
func predicted(t testing.TB, before *snapshot.Entry, data []byte) (skipped int) {
	t.Helper()
	p := newPredictor(t.Context(), nil, chunk.NewCutter(predictParams), predictNames.ID, before)
	defer p.close()
	var got []snapshot.Chunk
	for rest := data; len(rest) > 0; {
		expected := p.expected
		n, id := p.cut(rest)
		if named := predictNames.ID(rest[:n]); id.IsZero() {
			id = named
		} else if id != named {
			t.Fatalf("the chunk at %d is called %v, not %v", len(data)-len(rest), id, named)
		}
		if expected && p.expected && p.misses == 0 && len(got) < len(before.Content) {
			skipped += n
		}
		got = append(got, snapshot.Chunk{ID: id, Length: uint32(n)})
		rest = rest[n:]
	}
	if want := resticEntry(t, data).Content; !slices.Equal(got, want) {
		t.Fatalf("%d bytes are cut into %d chunks, other than the %d they should be", len(data), len(got), len(want))
	}
	return skipped
}

func TestAnInsertionIsCutAndTheRestTakenFromTheOlderVersion(t *testing.T) {
	old := randomBytes(1, 4<<20)
	before := resticEntry(t, old)
	for name, data := range map[string][]byte{
		"the same":  old,
		"inserted":  slices.Insert(slices.Clone(old), 1<<20, randomBytes(2, 40<<10)...),
		"removed":   slices.Delete(slices.Clone(old), 1<<20, 1<<20+77_777),
		"in place":  slices.Replace(slices.Clone(old), 1<<20, 1<<20+5, 1, 2, 3, 4, 5),
		"at begin":  slices.Insert(slices.Clone(old), 0, 1, 2, 3),
		"appended":  append(slices.Clone(old), old[:100_000]...),
		"truncated": old[:3<<20],
	} {
		skipped := predicted(t, before, data)
		if least := len(data) - 300<<10; skipped < least {
			t.Errorf("%s: %d of %d bytes are taken for granted, fewer than %d", name, skipped, len(data), least)
		}
	}
}

// A file whose older version was cut otherwise is cut as it should be.
func TestCutsOfAnotherCutterAreNotTaken(t *testing.T) {
	data := randomBytes(3, 1<<20)
	other := predictParams
	other.Polynomial = 0x3ae23be1be5e39
	cutter := chunk.NewCutter(other)
	before := new(snapshot.Entry)
	for rest := data; len(rest) > 0; {
		n := cutter.Cut(rest)
		before.Content = append(before.Content, snapshot.Chunk{ID: predictNames.ID(rest[:n]), Length: uint32(n)})
		rest = rest[n:]
	}
	predicted(t, before, data)
}

func FuzzPredictedCutsAreThoseOfResticChunker(f *testing.F) {
	f.Add(uint64(1), uint32(300_000), []byte{0x10, 3, 1, 0x80, 200, 2})
	f.Add(uint64(2), uint32(200_000), []byte{0xff, 9, 0})
	f.Fuzz(func(t *testing.T, seed uint64, size uint32, edits []byte) {
		old := randomBytes(seed, int(size%(1<<19)))
		if seed%3 == 0 { // with a stretch that repeats itself
			copy(old[len(old)/2:], bytes.Repeat([]byte{byte(seed), 7}, len(old)/8))
		}
		before := resticEntry(t, old)
		data := slices.Clone(old)
		for ; len(edits) >= 3; edits = edits[3:] { // where, how much, what
			at := int(edits[0]) * len(data) / 256
			n := int(edits[1]) * int(edits[1])
			end := min(at+n, len(data))
			switch edits[2] % 4 {
			case 0:
				data = slices.Insert(data, at, randomBytes(seed+uint64(n), n)...)
			case 1:
				data = slices.Delete(data, at, end)
			case 2:
				copy(data[at:end], randomBytes(seed+uint64(at), n))
			case 3: // what is there comes once more
				data = slices.Insert(data, at, slices.Clone(data[at/2:at/2+(end-at)/2])...)
			}
		}
		predicted(t, before, data)
	})
}

func BenchmarkCutOfAChangedFile(b *testing.B) {
	old := randomBytes(1, 32<<20)
	before := resticEntry(b, old)
	data := slices.Insert(slices.Clone(old), 1<<20, 1, 2, 3)
	cutter := chunk.NewCutter(predictParams)
	for name, before := range map[string]*snapshot.Entry{"predicted": before, "not predicted": nil} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				p := newPredictor(b.Context(), nil, cutter, predictNames.ID, before)
				for rest := data; len(rest) > 0; {
					n, id := p.cut(rest)
					if id.IsZero() {
						predictNames.ID(rest[:n])
					}
					rest = rest[n:]
				}
				p.close()
			}
		})
	}
}
