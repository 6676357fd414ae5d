package cache_test

import (
	"fmt"
	"testing"

	"github.com/qsnap/qsnap/internal/cache"
)

// benchObjects are as large as small and large sealed trees.
var benchObjects = []struct {
	name string
	size int
}{{"4 KiB", 4 << 10}, {"512 KiB", 512 << 10}}

func BenchmarkPut(b *testing.B) {
	for _, o := range benchObjects {
		b.Run(o.name, func(b *testing.B) {
			d, object := cache.Open(b.TempDir(), 1<<30, nil), make([]byte, o.size)
			b.SetBytes(int64(o.size))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				d.Put(fmt.Sprint(i%64), object)
			}
			if _, ok := d.Get("0", whatever); !ok {
				b.Fatal("what was put is not there")
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, o := range benchObjects {
		b.Run(o.name, func(b *testing.B) {
			d := cache.Open(b.TempDir(), 1<<30, nil)
			d.Put("a", make([]byte, o.size))
			b.SetBytes(int64(o.size))
			b.ReportAllocs()
			for b.Loop() {
				if got, ok := d.Get("a", whatever); !ok || len(got) != o.size {
					b.Fatalf("%d bytes, %v", len(got), ok)
				}
			}
		})
	}
}
