package local

import (
	"bytes"
	"io"
	"testing"
)

func BenchmarkPut(b *testing.B) {
	tgt, data := newTarget(b), make([]byte, 1<<20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := tgt.Put(b.Context(), "packs/a", bytes.NewReader(data), int64(len(data))); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := tgt.Delete(b.Context(), "packs/a"); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
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
