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
	chainParams = chunk.Params{Polynomial: 0x3DA3358B4DC173, Min: 4 << 10, Max: 32 << 10, Bits: 12, Whole: 8 << 10}
	chainNames  = chunk.NewHasher([32]byte{1})
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
	c := chunker.New(bytes.NewReader(data), chunker.Pol(chainParams.Polynomial),
		chunker.WithBoundaries(uint(chainParams.Min), uint(chainParams.Max)), chunker.WithAverageBits(chainParams.Bits))
	e := new(snapshot.Entry)
	for {
		piece, err := c.Next(nil)
		if err == io.EOF {
			return e
		}
		if err != nil {
			t.Fatal(err)
		}
		e.Content = append(e.Content, snapshot.Chunk{ID: chainNames.ID(piece.Data), Length: uint32(piece.Length)})
	}
}

// A countingCutter counts the bytes of the chunks that it cut.
type countingCutter struct {
	*chunk.Cutter
	seen int
}

func (c *countingCutter) Cut(buf []byte) int {
	n := c.Cutter.Cut(buf)
	c.seen += n
	return n
}

// A manner of cutting a file: in windows of some sizes, so many of which are cut ahead
// before it is known where their chunks begin; or none.
type manner struct {
	sizes []int
	ahead int
}

var atOnce = manner{sizes: []int{1 << 30}}

// cutAll cuts data in windows, and says how many bytes the cutter looked at. It fails
// the test if chunks are other than those of restic/chunker.
func cutAll(t testing.TB, before *snapshot.Entry, data []byte, m manner) (seen int) {
	t.Helper()
	cutter := &countingCutter{Cutter: chunk.NewCutter(chainParams)}
	first := cutChain{cutter: cutter, most: chainParams.Max, name: chainNames.ID, baseVersion: newBaseVersion(t.Context(), nil, before)}
	last := rest{cutChain: first}
	var got []snapshot.Chunk
	put := func(s *window) {
		var found cuts
		found, last = s.cutBehind(t.Context(), last)
		from := found.start
		for _, e := range found.ends {
			c := snapshot.Chunk{ID: chainNames.ID(s.buf[from:e.at]), Length: uint32(e.at - from)}
			if !e.id.IsZero() && e.id != c.ID {
				t.Fatalf("a chunk is called %v, not %v", e.id, c.ID)
			}
			got = append(got, c)
			from = e.at
		}
	}
	var waiting []*window
	for at, i := 0, 0; at < len(data) || i == 0; i++ {
		end := min(at+m.sizes[i%len(m.sizes)], len(data))
		s := &window{buf: append(make([]byte, chainParams.Max), data[at:end]...), room: chainParams.Max, offset: int64(at), ends: end == len(data), begin: first}
		s.begin.next = none
		at = end
		if waiting = append(waiting, s); len(waiting) <= m.ahead && !s.ends {
			continue
		}
		if m.ahead > 0 {
			for _, s := range slices.Backward(waiting) {
				s.cutAhead()
			}
		}
		for _, s := range waiting {
			put(s)
		}
		waiting = nil
	}
	if want := resticEntry(t, data).Content; !slices.Equal(got, want) {
		t.Fatalf("%d bytes, %+v: %d chunks, other than the %d they should be", len(data), m, len(got), len(want))
	}
	return cutter.seen
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
		for _, m := range []manner{atOnce, {[]int{256 << 10}, 0}, {[]int{256 << 10}, 3}} {
			if seen := cutAll(t, before, data, m); seen > 300<<10 {
				t.Errorf("%s, %+v: %d of %d bytes are looked at", name, m, seen, len(data))
			}
		}
	}
}

// Stretches that are cut at once are cut as one, and little of them twice.
func TestWindowsAreCutConcurrently(t *testing.T) {
	data := randomBytes(5, 4<<20)
	one := cutAll(t, nil, data, atOnce)
	for _, m := range []manner{{[]int{256 << 10}, 3}, {[]int{200_000, 300_001, 1}, 7}} {
		if seen := cutAll(t, nil, data, m); seen > one+one/5 {
			t.Errorf("%+v: %d bytes are looked at, of %d at once", m, seen, one)
		}
	}
	clear(data[1<<20 : 2<<20]) // where chains meet only if they began alike
	for _, m := range []manner{{[]int{256 << 10}, 3}, {[]int{2000, 40_000, 3}, 4}, {[]int{1 << 30}, 1}} {
		cutAll(t, nil, data, m)
	}
}

func TestAnEmptyFileHasNoChunks(t *testing.T) {
	for _, m := range []manner{atOnce, {[]int{10}, 1}} {
		cutAll(t, nil, nil, m)
		cutAll(t, resticEntry(t, randomBytes(1, 100_000)), nil, m)
	}
}

// A file whose older version was cut otherwise is cut as it should be.
func TestCutsOfAnotherCutterAreNotTaken(t *testing.T) {
	data := randomBytes(3, 1<<20)
	other := chainParams
	other.Polynomial = 0x3ae23be1be5e39
	cutter := chunk.NewCutter(other)
	before := new(snapshot.Entry)
	for rest := data; len(rest) > 0; {
		n := cutter.Cut(rest)
		before.Content = append(before.Content, snapshot.Chunk{ID: chainNames.ID(rest[:n]), Length: uint32(n)})
		rest = rest[n:]
	}
	cutAll(t, before, data, atOnce)
}

func FuzzPredictedCutsAreThoseOfResticChunker(f *testing.F) {
	f.Add(uint64(1), uint32(300_000), uint32(0), []byte{0x10, 3, 1, 0x80, 200, 2})
	f.Add(uint64(2), uint32(200_000), uint32(50_000), []byte{0xff, 9, 0})
	f.Add(uint64(3), uint32(500_000), uint32(3<<24|7000), []byte{0x30, 9, 0, 0x70, 100, 3})
	f.Fuzz(func(t *testing.T, seed uint64, size, how uint32, edits []byte) {
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
		if seed%5 == 0 {
			before = nil
		}
		windows := int(how&0xffffff) % (1 << 18)
		cutAll(t, before, data, manner{[]int{1000 + windows, 1000 + windows/3}, int(how >> 24 % 6)})
	})
}

func BenchmarkCutOfAChangedFile(b *testing.B) {
	old := randomBytes(1, 32<<20)
	before := resticEntry(b, old)
	data := slices.Insert(slices.Clone(old), 1<<20, 1, 2, 3)
	cutter := chunk.NewCutter(chainParams)
	for name, before := range map[string]*snapshot.Entry{"predicted": before, "not predicted": nil} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				c := cutChain{cutter: cutter, most: chainParams.Max, name: chainNames.ID, baseVersion: newBaseVersion(b.Context(), nil, before)}
				for at := 0; at < len(data); {
					n, id := c.cut(data[at:], int64(at), true)
					if id.IsZero() {
						chainNames.ID(data[at : at+n])
					}
					at += n
				}
			}
		})
	}
}
