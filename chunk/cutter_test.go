package chunk

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/restic/chunker"
)

// testPolynomial is one that restic/chunker uses in its own documentation.
const testPolynomial = 0x3DA3358B4DC173

func testParams() Params {
	return Params{Polynomial: testPolynomial, Min: 32 << 10, Max: 512 << 10, Bits: 16, Whole: 128 << 10}
}

func randomBytes(seed uint64, n int) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// cutters returns a Cutter for each way of looking for cuts that this processor knows.
func cutters(p Params) map[string]*Cutter {
	all := map[string]*Cutter{"as it is": NewCutter(p)}
	if hasWide {
		lanes := NewCutter(p)
		lanes.wide = nil
		all["in lanes"] = lanes
	}
	return all
}

func cuts(c *Cutter, data []byte) []int {
	var out []int
	for len(data) > 0 {
		n := c.Cut(data)
		out = append(out, n)
		data = data[n:]
	}
	return out
}

func resticCuts(t testing.TB, p Params, data []byte) []int {
	t.Helper()
	c := chunker.New(bytes.NewReader(data), chunker.Pol(p.Polynomial),
		chunker.WithBoundaries(uint(p.Min), uint(p.Max)), chunker.WithAverageBits(p.Bits))
	var out []int
	for {
		piece, err := c.Next(nil)
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, int(piece.Length))
	}
}

// sameCuts reports the first cut that differs.
func sameCuts(t *testing.T, name string, p Params, data []byte) {
	t.Helper()
	want := resticCuts(t, p, data)
	for way, c := range cutters(p) {
		got := cuts(c, data)
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s, %s, %+v: chunk %d: lengths %v, want %v", name, way, p, i, got[min(i, len(got)):min(i+1, len(got))], want[min(i, len(want)):min(i+1, len(want))])
				break
			}
		}
	}
}

func TestCutsAreThoseOfResticChunker(t *testing.T) {
	sparse := randomBytes(2, 6<<20)
	clear(sparse[1<<20 : 3<<20])
	for name, data := range map[string][]byte{
		"random":    randomBytes(1, 8<<20),
		"zeros":     make([]byte, 3<<20),
		"zero runs": sparse,
		"text":      bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog, once more;\n"), 50000),
	} {
		for _, p := range []Params{
			testParams(),
			{Polynomial: testPolynomial, Min: 512 << 10, Max: 8 << 20, Bits: 20},
			{Polynomial: testPolynomial, Min: 4 << 10, Max: 16 << 10, Bits: 12},
			{Polynomial: testPolynomial, Min: 4 << 10, Max: 8 << 10, Bits: 24},
		} {
			sameCuts(t, name, p, data)
		}
	}
}

func FuzzCutsAreThoseOfResticChunker(f *testing.F) {
	f.Add(uint64(1), uint32(100_000), uint16(0), uint8(0), []byte("abc"))
	f.Add(uint64(7), uint32(300_000), uint16(3000), uint8(3), []byte{0})
	f.Fuzz(func(t *testing.T, seed uint64, size uint32, min uint16, bits uint8, patch []byte) {
		data := randomBytes(seed, int(size%(1<<20)))
		if len(patch) > 0 { // a stretch of repeated bytes, of any period
			from := int(seed % uint64(len(data)+1))
			for i := from; i < len(data) && i < from+len(data)/3; i++ {
				data[i] = patch[i%len(patch)]
			}
		}
		p := Params{Polynomial: testPolynomial, Min: MinSize + int(min), Bits: 10 + int(bits%12)}
		p.Max = p.Min + 1 + int(seed%(256<<10))
		sameCuts(t, "fuzzed", p, data)
	})
}

func TestDefaultParamsAreValidAndRandom(t *testing.T) {
	a, err := DefaultParams()
	if err != nil {
		t.Fatal(err)
	}
	b, err := DefaultParams()
	if err != nil {
		t.Fatal(err)
	}
	if a.Polynomial == b.Polynomial {
		t.Errorf("two repositories got the same polynomial %#x", a.Polynomial)
	}
	for _, p := range []Params{a, b, testParams()} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestValidateRefusesParametersThatCannotCut(t *testing.T) {
	for name, change := range map[string]func(*Params){
		"reducible polynomial": func(p *Params) { p.Polynomial = 1 << 53 },
		"degree 52":            func(p *Params) { p.Polynomial >>= 1 },
		"no polynomial":        func(p *Params) { p.Polynomial = 0 },
		"min below window":     func(p *Params) { p.Min = 63 },
		"max not above min":    func(p *Params) { p.Max = p.Min },
		"max too large":        func(p *Params) { p.Max = 1 << 30 },
		"no bits":              func(p *Params) { p.Bits = 0 },
		"whole above max":      func(p *Params) { p.Whole = p.Max + 1 },
		"negative whole":       func(p *Params) { p.Whole = -1 },
	} {
		p := testParams()
		change(&p)
		if p.Validate() == nil {
			t.Errorf("%s: %+v passes", name, p)
		}
	}
}

func BenchmarkNewCutter(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewCutter(testParams())
	}
}

func BenchmarkCut(b *testing.B) {
	data := randomBytes(1, 16<<20)
	for way, c := range cutters(testParams()) {
		b.Run(way, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				for rest := data; len(rest) > 0; {
					rest = rest[c.Cut(rest):]
				}
			}
		})
	}
}

func BenchmarkCutByResticChunker(b *testing.B) {
	data := randomBytes(1, 16<<20)
	p := testParams()
	c := chunker.NewBase(chunker.Pol(p.Polynomial), chunker.WithBaseBoundaries(uint(p.Min), uint(p.Max)), chunker.WithBaseAverageBits(p.Bits))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for rest := data; len(rest) > 0; {
			n := c.NextSplitPoint(rest)
			if n < 0 {
				break
			}
			rest = rest[n:]
		}
		c.Reset(chunker.Pol(p.Polynomial), chunker.WithBaseBoundaries(uint(p.Min), uint(p.Max)), chunker.WithBaseAverageBits(p.Bits))
	}
}

func TestAChunkMayEndWhereItWasCut(t *testing.T) {
	c, data := NewCutter(testParams()), append(make([]byte, 1<<20), randomBytes(4, 4<<20)...)
	for len(data) > testParams().Max {
		n := c.Cut(data)
		if !c.MayEnd(data[:n]) {
			t.Fatalf("a chunk of %d bytes may not end where it does", n)
		}
		if n < testParams().Max && c.MayEnd(data[:n-1]) {
			t.Fatalf("a chunk of %d bytes may end before it does", n)
		}
		data = data[n:]
	}
	if c.MayEnd(data[:testParams().Min-1]) || c.MayEnd(make([]byte, testParams().Max+1)) {
		t.Error("a chunk may be too short or too long")
	}
}
