package disk

import (
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cachedPages tells of each page of a file whether it is in the system's cache.
func cachedPages(t *testing.T, f *os.File, size int) []byte {
	t.Helper()
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(data)
	pages := make([]byte, (size+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, e := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&data[0])), uintptr(size), uintptr(unsafe.Pointer(&pages[0]))); e != 0 {
		t.Fatal(e)
	}
	for i := range pages {
		pages[i] &= 1
	}
	return pages
}

// dropped drops a file from the system's cache and tells whether it went. One in
// a file system in memory doesn't.
func dropped(t *testing.T, f *os.File, size int) bool {
	t.Helper()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	return cachedPages(t, f, size)[0] == 0
}

func TestReadAheadTellsWhatWasntCachedAndCachesIt(t *testing.T) {
	const size = 256 << 10
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := OpenDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if dir.ReadAhead("file") {
		t.Error("what was just written isn't cached")
	}
	// Asked while the file is cached: of one that isn't, this starts reading.
	_, err = unix.Preadv2(int(f.Fd()), [][]byte{{0}}, 0, unix.RWF_NOWAIT)
	tells := err != unix.EOPNOTSUPP // the file system

	end := time.Now().Add(20 * time.Second)
	for {
		cold := dropped(t, f, size)
		said := dir.ReadAhead("file")
		if said && !(cold && tells) {
			t.Fatalf("cold is %v, told by the file system: %v, and said to be cold", cold, tells)
		}
		if !cold || !tells {
			return
		}
		if said {
			break
		}
		// A fast disk may have it read before the question is answered, but not each time.
		if cachedPages(t, f, size)[0] == 0 {
			t.Fatal("it is neither cached nor said to be cold")
		}
		if time.Now().After(end) {
			t.Fatal("it was never said to be cold")
		}
	}
	for {
		if pages := cachedPages(t, f, size); pages[0] == 1 && pages[len(pages)-1] == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it isn't read")
		}
	}
	if dir.ReadAhead("file") {
		t.Error("it is still cold")
	}
}

func TestReadAheadWaitsForNothingAndFollowsNothing(t *testing.T) {
	top := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(top, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe", filepath.Join(top, "link")); err != nil {
		t.Fatal(err)
	}
	dir, err := OpenDir(top)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, name := range []string{"pipe", "link", "missing", "."} {
		if dir.ReadAhead(name) {
			t.Errorf("%s is said to be a file to be read", name)
		}
	}
}
