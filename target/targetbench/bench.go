// Package targetbench measures targets, for the benchmarks of their packages. The
// measurements include a server that runs in the same process.
package targetbench

import (
	"bytes"
	"io"
	"testing"

	"github.com/qsnap/qsnap/target"
)

const name = "packs/a"

// Put measures storing an object of that size. The object is deleted, untimed.
func Put(b *testing.B, t target.Target, size int) {
	data := begin(b, size)
	for b.Loop() {
		put(b, t, data)
		b.StopTimer()
		if err := t.Delete(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// Get measures reading an object of that size.
func Get(b *testing.B, t target.Target, size int) {
	data := begin(b, size)
	put(b, t, data)
	for b.Loop() {
		rc, err := t.Get(b.Context(), name, 0, -1)
		if err == nil {
			_, err = io.ReadFull(rc, data)
			rc.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func begin(b *testing.B, size int) (data []byte) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	return make([]byte, size)
}

func put(b *testing.B, t target.Target, data []byte) {
	b.Helper()
	if err := t.Put(b.Context(), name, bytes.NewReader(data), int64(len(data))); err != nil {
		b.Fatal(err)
	}
}
