//go:build scale && linux

package scale

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestASparseFileOf200GB takes a file of islands of data between holes.
func TestASparseFileOf200GB(t *testing.T) {
	const size, islands, island = 200 << 30, 2000, 64 << 10
	p, dir := newProgram(t), t.TempDir()
	source, restored := filepath.Join(dir, "source"), filepath.Join(dir, "restored")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(source, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	random, data := rand.NewChaCha8([32]byte{}), make([]byte, island)
	for i := range int64(islands) {
		random.Read(data)
		if _, err := f.WriteAt(data, i*(size/islands)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"snapshot", source}, {"restore", "latest", "--target", restored}} {
		used := p.run(t, args...)
		t.Logf("%s: %v, %v of processors, %d MiB resident", args[0], used.clock, used.processor, used.memory>>20)
		atMost(t, args[0]+": MiB resident", used.memory>>20, most)
		atMost(t, args[0]+": seconds of processors", used.processor.Seconds(), 10)
	}
	var want, got syscall.Stat_t
	if err := syscall.Stat(f.Name(), &want); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Stat(filepath.Join(restored, "sparse"), &got); err != nil {
		t.Fatal(err)
	}
	if got.Size != want.Size || got.Blocks > want.Blocks {
		t.Errorf("restored %d bytes in %d blocks; want %d in %d", got.Size, got.Blocks, want.Size, want.Blocks)
	}
}
