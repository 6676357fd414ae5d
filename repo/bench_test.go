package repo_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/local"
)

// benchTree makes a tree of files, half of whose bytes can be compressed, and returns
// how many bytes they have.
func benchTree(b *testing.B, dir string, files, size int) int64 {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, size)
	for i := range files {
		for j := 0; j+16 <= size; j += 16 {
			binary.LittleEndian.PutUint64(data[j:], random.Uint64())
		}
		name := filepath.Join(dir, fmt.Sprint(i%16), fmt.Sprint(i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return int64(files * size)
}

var benchTrees = []struct {
	name        string
	files, size int
}{{"small files", 2000, 8 << 10}, {"a large file", 1, 32 << 20}}

func newBenchFixture(b *testing.B) *fixture {
	b.Helper()
	t, err := local.Create(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	return newFixtureOn(b, t)
}

func BenchmarkSnapshot(b *testing.B) {
	for _, tree := range benchTrees {
		b.Run(tree.name, func(b *testing.B) {
			source := b.TempDir()
			b.SetBytes(benchTree(b, source, tree.files, tree.size))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				f := newBenchFixture(b)
				b.StartTimer()
				f.snapshot(repo.Paths(source), repo.SnapshotOptions{})
			}
		})
	}
}

func BenchmarkSnapshotOfWhatHasNotChanged(b *testing.B) {
	source, f := b.TempDir(), newBenchFixture(b)
	b.SetBytes(benchTree(b, source, 2000, 8<<10))
	f.snapshot(repo.Paths(source), repo.SnapshotOptions{})
	b.ReportAllocs()
	for b.Loop() {
		f.snapshot(repo.Paths(source), repo.SnapshotOptions{})
	}
}

func BenchmarkRestore(b *testing.B) {
	for _, tree := range benchTrees {
		b.Run(tree.name, func(b *testing.B) {
			source, out, f := b.TempDir(), b.TempDir(), newBenchFixture(b)
			b.SetBytes(benchTree(b, source, tree.files, tree.size))
			m := f.snapshot(repo.Paths(source), repo.SnapshotOptions{})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f.restore(m, repo.RestoreOptions{To: filepath.Join(out, fmt.Sprint(i))})
			}
		})
	}
}

func BenchmarkCheckOfAllData(b *testing.B) {
	source, f := b.TempDir(), newBenchFixture(b)
	b.SetBytes(benchTree(b, source, 2000, 8<<10))
	f.snapshot(repo.Paths(source), repo.SnapshotOptions{})
	b.ReportAllocs()
	for b.Loop() {
		if r, err := f.Check(context.Background(), repo.CheckOptions{ReadData: true}); err != nil || r.Damaged() {
			b.Fatal(err)
		}
	}
}
