package index

import (
	"math/rand/v2"
	"testing"
)

// fill returns an index of n blobs in packs of ten thousand, settled.
func fill(b *testing.B, n int) *Index {
	b.Helper()
	x := open(b, b.TempDir())
	var f fakeTarget
	const perPack = 10_000
	for from := 0; from < n; from += perPack {
		held := make([]int, min(perPack, n-from))
		for i := range held {
			held[i] = from + i
		}
		f.put(from, Delta{testPack(from, held...)})
	}
	f.update(b, x)
	if err := x.Flush(); err != nil {
		b.Fatal(err)
	}
	return x
}

func BenchmarkLookup(b *testing.B) {
	x := fill(b, 1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		if places, err := x.Lookup(blobID(rand.IntN(1_000_000))); err != nil || len(places) != 1 {
			b.Fatalf("%d places, %v", len(places), err)
		}
	}
}

func BenchmarkHasNot(b *testing.B) {
	x := fill(b, 1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		if x.Has(blobID(1<<30 + rand.IntN(1_000_000))) {
			b.Fatal("found")
		}
	}
}

// BenchmarkBuild makes the index of a million blobs from deltas.
func BenchmarkBuild(b *testing.B) {
	b.SetBytes(1_000_000 * entrySize)
	b.ReportAllocs()
	for b.Loop() {
		fill(b, 1_000_000)
	}
}
