package pagecache

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhatWasDroppedIsNotHeld(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 8 << 20
	if _, err := f.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if !Holds(f.Fd(), 0, size) {
		t.Error("what was just written is not held")
	}
	Drop(f.Fd(), 0, 0)
	if Holds(f.Fd(), 0, size) {
		t.Skip("the file system keeps its files in memory")
	}
	if _, err := f.ReadAt(make([]byte, 4096), 6<<20); err != nil {
		t.Fatal(err)
	}
	asks := map[string]func(fd uintptr, offset, n int64) (bool, error){"mincore": minCore}
	if _, err := cacheStat(f.Fd(), 0, size); err == nil {
		asks["cachestat"] = cacheStat
	}
	for name, holds := range asks {
		for _, of := range []struct {
			offset, n int64
			want      bool
		}{{0, size, true}, {0, 1 << 20, false}, {6 << 20, 4096, true}, {6<<20 + 100, 200, true}, {2 << 20, 1000, false}} {
			if got, err := holds(f.Fd(), of.offset, of.n); err != nil || got != of.want {
				t.Errorf("%s: held of %d bytes at %d: %v, %v, want %v", name, of.n, of.offset, got, err, of.want)
			}
		}
	}
	if Holds(f.Fd(), 0, 0) {
		t.Error("something is held of nothing")
	}
	f.Close()
	if !Holds(^uintptr(0), 0, size) {
		t.Error("what is not known must count as held")
	}
}
