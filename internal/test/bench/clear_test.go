package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyCopiesOfLargeFilesAndInMemoryAreRemovedEarly(t *testing.T) {
	for _, c := range []struct {
		name         string
		files, bytes int64
		inMemory     bool
		stays        bool
	}{
		{"large files", 3, 3 * large, false, false},
		{"small files", 3, 3*large - 1, false, true},
		{"many large files", 1e6, 1e6 * large, false, false},
		{"small files in memory", 3, 3*large - 1, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			if err := os.MkdirAll(filepath.Join(out, "dir"), 0o755); err != nil {
				t.Fatal(err)
			}
			b := &bench{files: c.files, bytes: c.bytes, inMemory: c.inMemory}
			if err := b.clear(out); err != nil {
				t.Fatal(err)
			}
			_, err := os.Stat(out)
			if stays := !errors.Is(err, fs.ErrNotExist); stays != c.stays {
				t.Errorf("stays: %v, want %v (%v)", stays, c.stays, err)
			}
		})
	}
}
