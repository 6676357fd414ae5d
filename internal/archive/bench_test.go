package archive_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/internal/archive"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// BenchmarkTar reads more than a repository keeps decompressed, from memory.
func BenchmarkTar(b *testing.B) {
	for _, tree := range []struct {
		name        string
		files, size int
	}{{"small files", 4000, 8 << 10}, {"a large file", 1, 32 << 20}} {
		b.Run(tree.name, func(b *testing.B) {
			r, err := repo.Init(b.Context(), &targettest.Memory{}, repo.Passphrase("correct horse"), repo.InitOptions{Options: repo.Options{CacheDir: b.TempDir()}})
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			files, random := fstest.MapFS{}, rand.NewChaCha8([32]byte{1})
			for i := range tree.files {
				data := make([]byte, tree.size)
				random.Read(data)
				files[fmt.Sprintf("%d/%d", i%16, i)] = &fstest.MapFile{Data: data, Mode: 0o644}
			}
			m, err := r.Snapshot(b.Context(), repo.FromFS(files, "tree"), repo.SnapshotOptions{})
			if err != nil {
				b.Fatal(err)
			}
			v := r.View(m)
			root, err := v.Entry(b.Context(), "")
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(tree.files * tree.size))
			b.ReportAllocs()
			for b.Loop() {
				err := archive.Tar(b.Context(), v, root, "tree", io.Discard, func(path, why string) { b.Errorf("%s: %s", path, why) })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
