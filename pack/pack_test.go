package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
)

func fixedRandom(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func testBox(t testing.TB, seed byte) *seal.Sealer {
	t.Helper()
	ring, err := seal.NewKeyring(fixedRandom(1))
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewSealer(ring, [32]byte{4, 5}, seal.AES256GCM, fixedRandom(seed))
}

var hasher = chunk.NewHasher([32]byte{7})

// build packs the segments, each a list of blobs, with as many goroutines.
func build(t testing.TB, box *seal.Sealer, kind seal.Kind, level Level, segments [][]string) (*Info, []byte) {
	t.Helper()
	var spool Buffer
	b, err := NewBuilder(box, seal.Run{1}, kind, &spool)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, blobs := range segments {
		c, err := NewCompressor(level)
		if err != nil {
			t.Fatal(err)
		}
		var plain []byte
		var parts []Part
		for _, blob := range blobs {
			plain = append(plain, blob...)
			parts = append(parts, Part{hasher.ID([]byte(blob)), len(blob)})
		}
		codec, data, _ := c.Compress(new(AutoState), plain, nil)
		slot, _ := b.Reserve(codec, len(data), len(plain), parts)
		wg.Go(func() {
			if err := b.Write(slot, data); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	info, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, info.Size)
	if err := readFull(&spool, out, 0); err != nil {
		t.Fatal(err)
	}
	return info, out
}

// readAll reads every blob of a stored pack and checks its id.
func readAll(box *seal.Sealer, id ID, stored []byte) ([]string, error) {
	info, err := ReadInfo(box, id, int64(len(stored)), bytes.NewReader(stored))
	if err != nil {
		return nil, err
	}
	cipher, err := box.Cipher(info.Header)
	if err != nil {
		return nil, err
	}
	d, err := NewDecompressor(1)
	if err != nil {
		return nil, err
	}
	plain := make([][]byte, len(info.Segments))
	for n, s := range info.Segments {
		sealed := bytes.Clone(stored[s.Offset : s.Offset+int64(s.Stored)])
		if plain[n], err = d.Segment(cipher, s, n, sealed, nil); err != nil {
			return nil, fmt.Errorf("segment %d: %w", n, err)
		}
	}
	var out []string
	for _, b := range info.Blobs {
		blob := plain[b.Segment][b.Offset : b.Offset+b.Length]
		if err := hasher.Verify(b.ID, blob); err != nil {
			return nil, err
		}
		out = append(out, string(blob))
	}
	return out, nil
}

func testSegments() [][]string {
	big := make([]byte, 300_000)
	fixedRandom(3).Read(big)
	return [][]string{
		{"one", "", "three, which repeats, repeats, repeats, repeats, repeats, repeats"},
		{string(bytes.Repeat([]byte("line of text\n"), 9000))},
		{string(big)},
		{},
		{"last"},
	}
}

func TestAPackReturnsItsBlobsInOrder(t *testing.T) {
	var want []string
	for _, s := range testSegments() {
		want = append(want, s...)
	}
	for level := Auto; level <= Max; level++ {
		box := testBox(t, 2)
		info, stored := build(t, box, seal.DataPack, level, testSegments())
		if hash(stored) != info.ID {
			t.Errorf("%v: the id is not the hash of the file", level)
		}
		got, err := readAll(box, info.ID, stored)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v: read %d blobs, %v; want %d", level, len(got), err, len(want))
		}
		read, err := ReadInfo(box, info.ID, info.Size, bytes.NewReader(stored))
		if err != nil || fmt.Sprint(read) != fmt.Sprint(info) {
			t.Errorf("%v: ReadInfo returns other than Finish did: %v", level, err)
		}
		if raw := info.Segments[2].Codec; raw != Raw {
			t.Errorf("%v: random bytes were stored with codec %d", level, raw)
		}
		if level != Off && info.Segments[1].Codec != Zstd {
			t.Errorf("%v: text was stored uncompressed", level)
		}
	}
}

func TestEveryFlippedByteIsFound(t *testing.T) {
	box := testBox(t, 2)
	info, stored := build(t, box, seal.DataPack, Default, [][]string{{"alpha", "beta"}, {"gamma"}})
	for i := range stored {
		bad := bytes.Clone(stored)
		bad[i] ^= 0x10
		if blobs, err := readAll(box, info.ID, bad); err == nil {
			t.Errorf("byte %d of %d flipped: read %q", i, len(stored), blobs)
		}
	}
	for n := range stored {
		if blobs, err := readAll(box, info.ID, stored[:n]); err == nil {
			t.Errorf("truncated to %d bytes: read %q", n, blobs)
		}
	}
}

func TestSegmentsCannotBeSwapped(t *testing.T) {
	box := testBox(t, 2)
	info, stored := build(t, box, seal.DataPack, Off, [][]string{{"alpha"}, {"gamma"}})
	a, b := info.Segments[0], info.Segments[1]
	bad := bytes.Clone(stored)
	copy(bad[a.Offset:], stored[b.Offset:b.Offset+int64(b.Stored)])
	copy(bad[b.Offset:], stored[a.Offset:a.Offset+int64(a.Stored)])
	if blobs, err := readAll(box, info.ID, bad); err == nil {
		t.Errorf("read %q", blobs)
	}
}

func TestDamageNamesThePackAndThePart(t *testing.T) {
	box := testBox(t, 2)
	info, stored := build(t, box, seal.DataPack, Default, [][]string{{"alpha"}})
	for part, at := range map[string]int{"header": 20, "footer": len(stored) - trailerSize - 1, "": len(stored) - 1} {
		bad := bytes.Clone(stored)
		bad[at] ^= 1
		_, err := ReadInfo(box, info.ID, info.Size, bytes.NewReader(bad))
		var damage *DamageError
		// A damaged salt shows only where the footer fails to open under it.
		if part == "header" {
			part = "footer"
		}
		if !errors.As(err, &damage) || damage.Pack != info.ID || damage.Part != part {
			t.Errorf("byte %d flipped: %v, want damage of part %q", at, err, part)
		}
	}
	lease, err := box.Seal(seal.Lease, make([]byte, 200))
	if err != nil {
		t.Fatal(err)
	}
	var damage *DamageError
	if _, err := ReadInfo(box, info.ID, int64(len(lease)), bytes.NewReader(lease)); !errors.As(err, &damage) {
		t.Errorf("a lease in place of a pack: %v", err)
	}
	broken := io.NewSectionReader(bytes.NewReader(stored), 0, 10)
	if _, err := ReadInfo(box, info.ID, info.Size, broken); err == nil || errors.As(err, &damage) {
		t.Errorf("a short read: %v; want an error that is not damage", err)
	}
}

func TestFootersLargerThanTheFirstReadAreRead(t *testing.T) {
	box := testBox(t, 2)
	var blobs []string
	for i := range 5000 {
		blobs = append(blobs, fmt.Sprint("blob ", i))
	}
	info, stored := build(t, box, seal.TreePack, Default, [][]string{blobs})
	got, err := readAll(box, info.ID, stored)
	if err != nil || len(got) != len(blobs) || got[4999] != "blob 4999" {
		t.Errorf("read %d blobs, %v", len(got), err)
	}
	if !info.IsTree() {
		t.Error("a tree pack does not say so")
	}
}

// testdata/small.pack was written once and is never made again.
func TestGoldenPackReads(t *testing.T) {
	stored, err := os.ReadFile("testdata/small.pack")
	if err != nil {
		t.Fatal(err)
	}
	const name = "c4eafdafbe343688d6ea3c3c0654598f54cf388b5b2c361d3d0d40ce43d39def"
	id, err := ParseID(name)
	if err != nil {
		t.Fatal(err)
	}
	if hash(stored) != id {
		t.Errorf("the pack's hash is %v", hash(stored))
	}
	got, err := readAll(testBox(t, 2), id, stored)
	if err != nil || fmt.Sprintf("%q", got) != `["alpha" "beta" "" "gamma gamma gamma gamma gamma gamma gamma gamma gamma gamma gamma gamma"]` {
		t.Errorf("%q, %v", got, err)
	}
}

func TestParseFooterRefusesWhatCannotBe(t *testing.T) {
	id := string(make([]byte, 32))
	for name, footer := range map[string]string{
		"empty":                        "",
		"no count of blobs":            "\x00",
		"more segments than bytes":     "\x7f\x00\x10\x01",
		"a number without end":         "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"a segment shorter than a tag": "\x01\x00\x0f\x00\x00",
		"a segment of a terabyte":      "\x01\x00\xff\xff\xff\xff\xff\x1f\x00\x00",
		"a plain terabyte":             "\x01\x01\x10\xff\xff\xff\xff\xff\x1f\x00",
		"a blob without id":            "\x01\x00\x11\x01\x01\x00\x01",
		"a blob without segment":       "\x00\x01" + id + "\x00\x00",
		"a blob behind its segment":    "\x01\x00\x11\x01\x01" + id + "\x00\x02",
		"a blob after the last":        "\x01\x00\x11\x01\x01" + id + "\x01\x01",
		"blobs longer than together":   "\x01\x00\x12\x02\x02" + id + "\x00\x02" + id + "\x00\x01",
	} {
		var info Info
		if rest, err := info.ParseFooter([]byte(footer)); err == nil {
			t.Errorf("%s: parsed as %+v, rest %d", name, info, len(rest))
		}
	}
}

func FuzzParseFooter(f *testing.F) {
	info, _ := build(f, testBox(f, 2), seal.DataPack, Default, testSegments())
	f.Add(info.AppendFooter(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var info Info
		rest, err := info.ParseFooter(b)
		if err != nil {
			return
		}
		var again Info
		if _, err := again.ParseFooter(info.AppendFooter(nil)); err != nil || fmt.Sprint(again) != fmt.Sprint(info) {
			t.Errorf("%v, written and read again: %v, %v", info, again, err)
		}
		if len(rest) > len(b) {
			t.Error("more is left than there was")
		}
	})
}

func FuzzReadInfo(f *testing.F) {
	box := testBox(f, 2)
	info, stored := build(f, box, seal.DataPack, Default, [][]string{{"alpha"}})
	f.Add(stored)
	f.Add(stored[len(stored)-trailerSize:])
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReadInfo(box, info.ID, int64(len(b)), bytes.NewReader(b))
		if err == nil && fmt.Sprint(got) != fmt.Sprint(info) && hash(b) != info.ID {
			// Segments are not looked at, so they may differ.
			if got.Header != info.Header || fmt.Sprint(got.Blobs) != fmt.Sprint(info.Blobs) {
				t.Errorf("a forged pack reads as %+v", got)
			}
		}
	})
}

func TestBufferKeepsWhatIsWrittenInAnyOrder(t *testing.T) {
	var b Buffer
	want := make([]byte, 3_000_000)
	fixedRandom(8).Read(want)
	for round := range 2 {
		b.Reset()
		var wg sync.WaitGroup
		for i := 0; i < len(want); i += 30_000 {
			wg.Go(func() { b.WriteAt(want[i:i+30_000], int64(i)) })
		}
		wg.Wait()
		got := make([]byte, len(want))
		if n, err := b.ReadAt(got, 0); n != len(want) || !bytes.Equal(got, want) {
			t.Errorf("round %d: read %d bytes, %v", round, n, err)
		}
	}
	if n, err := b.ReadAt(make([]byte, 10), 2_999_995); n != 5 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

func BenchmarkCompress(b *testing.B) {
	random := make([]byte, 1<<20)
	fixedRandom(1).Read(random)
	text, err := os.ReadFile("pack_test.go")
	if err != nil {
		b.Fatal(err)
	}
	for len(text) < 1<<20 {
		text = append(text, text...)
	}
	for name, data := range map[string][]byte{"random": random, "text": text[:1<<20]} {
		for _, level := range []Level{Auto, Fastest, Default, Better} {
			b.Run(name+"/"+level.String(), func(b *testing.B) {
				c, err := NewCompressor(level)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				var spare []byte
				var trend AutoState
				for b.Loop() {
					if codec, out, _ := c.Compress(&trend, data, spare); codec == Zstd {
						spare = out
					}
				}
			})
		}
	}
}

// What shrinks only here and there is compressed, though what came before didn't shrink.
func TestAutoCompressesWhatShrinksAgain(t *testing.T) {
	c, err := NewCompressor(Auto)
	if err != nil {
		t.Fatal(err)
	}
	random := make([]byte, 1<<20)
	fixedRandom(3).Read(random)
	half := append(bytes.Clone(random[:1<<19]), make([]byte, 1<<19)...)
	var trend AutoState
	for i, want := range []struct {
		plain []byte
		codec Codec
	}{{random, Raw}, {random, Raw}, {half, Zstd}, {random, Raw}, {make([]byte, 1<<20), Zstd}, {random[:1<<17], Raw}, {make([]byte, 1<<10), Zstd}} {
		if codec, data, _ := c.Compress(&trend, want.plain, nil); codec != want.codec || codec == Raw && !bytes.Equal(data, want.plain) {
			t.Errorf("segment %d: codec %d, want %d", i, codec, want.codec)
		}
	}
}

// What follows a segment that shrank by less than half is compressed as Fastest does.
func TestAutoTriesLessWhereLittleShrinks(t *testing.T) {
	r := fixedRandom(9)
	word := func() string { return fmt.Sprintf("word %d, ", r.Uint64()%3000) }
	var text, dense []byte
	for len(text) < 1<<20 {
		text = append(text, word()...)
		dense = append(append(dense, word()...), make([]byte, 8)...)
		r.Read(dense[len(dense)-8:])
	}
	auto, err := NewCompressor(Auto)
	if err != nil {
		t.Fatal(err)
	}
	var one, other AutoState
	for i, c := range []struct {
		trend *AutoState
		plain []byte
		as    Level
	}{
		{&one, text, Default}, {&one, dense, Default}, {&one, dense, Fastest},
		{&other, text, Default}, {&one, text, Fastest}, {&one, text, Default}, {&one, dense, Default},
	} {
		var want [2][]byte
		for j, level := range []Level{Default, Fastest} {
			alone, err := NewCompressor(level)
			if err != nil {
				t.Fatal(err)
			}
			_, want[j], _ = alone.Compress(new(AutoState), c.plain, nil)
		}
		if bytes.Equal(want[0], want[1]) {
			t.Fatal("both levels give the same")
		}
		if _, got, _ := auto.Compress(c.trend, c.plain, nil); !bytes.Equal(got, want[Default-c.as]) {
			t.Errorf("segment %d becomes %d bytes, with %v %d", i, len(got), c.as, len(want[Default-c.as]))
		}
	}
}

// What is compressed next is gathered in the buffer that is free, while the segment is
// still to be written.
func TestTheBufferThatIsFreeIsNotTheSegments(t *testing.T) {
	random := make([]byte, 1<<18)
	fixedRandom(5).Read(random)
	for _, level := range []Level{Auto, Off} {
		c, err := NewCompressor(level)
		if err != nil {
			t.Fatal(err)
		}
		var trend AutoState
		var plain, spare []byte
		for i, content := range [][]byte{random, make([]byte, 1<<18), random, random, make([]byte, 1<<17), random} {
			plain = append(plain[:0], content...)
			codec, data, free := c.Compress(&trend, plain, spare)
			want := bytes.Clone(data)
			free = free[:cap(free)]
			for j := range free {
				free[j]++
			}
			if !bytes.Equal(data, want) || codec == Raw && !bytes.Equal(data, content) {
				t.Fatalf("level %v, segment %d: what is written to the free buffer changes it", level, i)
			}
			if cap(data) < len(data)+seal.Overhead {
				t.Errorf("level %v, segment %d: there is no room for sealing it", level, i)
			}
			plain, spare = free, data
		}
	}
}

// BenchmarkBuild makes packs of segments that are compressed already.
func BenchmarkBuild(b *testing.B) {
	const segments, size = 16, 1 << 20
	box, data := testBox(b, 1), make([]byte, size, size+seal.Overhead)
	var spool Buffer
	b.SetBytes(segments * size)
	b.ReportAllocs()
	for n := byte(0); b.Loop(); n++ {
		builder, err := NewBuilder(box, seal.Run{n}, seal.DataPack, &spool)
		if err != nil {
			b.Fatal(err)
		}
		for i := range segments {
			slot, _ := builder.Reserve(Raw, size, size, []Part{{hasher.ID([]byte{byte(i)}), size}})
			if err := builder.Write(slot, data); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := builder.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}
