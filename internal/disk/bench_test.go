package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/qsnap/qsnap/snapshot"
)

// BenchmarkList looks at a directory as a capture does.
func BenchmarkList(b *testing.B) {
	const entries = 1000
	path := b.TempDir()
	for i := range entries {
		if err := os.WriteFile(filepath.Join(path, fmt.Sprintf("name %d", i)), nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		d, err := OpenDir(path)
		if err != nil {
			b.Fatal(err)
		}
		names, err := d.Names()
		if err != nil || len(names) != entries {
			b.Fatalf("%d names, %v", len(names), err)
		}
		for _, name := range names {
			var e snapshot.Entry
			if _, err := d.Lstat(name, &e); err != nil {
				b.Fatal(err)
			}
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(entries*b.N)/b.Elapsed().Seconds(), "entries/s")
}
