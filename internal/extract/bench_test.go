package extract_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/snapshot"
)

func BenchmarkRun(b *testing.B) {
	for _, tree := range []struct {
		name                   string
		files, size, chunkSize int
	}{{"small files", 1000, 8 << 10, 8 << 10}, {"a large file", 1, 64 << 20, 512 << 10}} {
		b.Run(tree.name, func(b *testing.B) {
			m, to := newMemory(), filepath.Join(b.TempDir(), "to")
			var files []snapshot.Entry
			for i := range tree.files {
				files = append(files, m.file(b, fmt.Sprintf("%06d", i), tree.size/tree.chunkSize, tree.chunkSize))
			}
			root := m.dir(b, files...)
			total := tree.files * tree.size
			b.SetBytes(int64(total))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				if err := os.RemoveAll(to); err != nil {
					b.Fatal(err)
				}
				if err := os.Mkdir(to, 0o755); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				var p extract.Progress
				err := extract.Run(b.Context(), extract.Options{
					Source: m, Root: root, To: to, NoSync: true, Workers: runtime.GOMAXPROCS(0), Progress: &p,
					Problem: func(path string, err error) { b.Errorf("%s: %v", path, err) },
				})
				if err != nil || p.BytesWritten.Load() != uint64(total) {
					b.Fatalf("%d of %d bytes, %v", p.BytesWritten.Load(), total, err)
				}
			}
		})
	}
}
