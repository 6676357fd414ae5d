package local

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

func BenchmarkPut(b *testing.B) {
	tgt, data := newTarget(b), make([]byte, 1<<20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := tgt.Put(b.Context(), fmt.Sprintf("packs/%03d/%d", i%256, i), bytes.NewReader(data), int64(len(data))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	tgt, data := newTarget(b), make([]byte, 1<<20)
	if err := tgt.Put(b.Context(), "packs/a", bytes.NewReader(data), int64(len(data))); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		rc, err := tgt.Get(b.Context(), "packs/a", 0, -1)
		if err == nil {
			_, err = io.ReadFull(rc, data)
			rc.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
