//go:build scale && linux

package scale

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// What a look-up in a large table costs is accesses to memory that is far: on the disk, or
// in no cache of the processor. They are counted as page faults, after the system was told
// to take the table's pages away from this process. The system may map more than the page
// that is asked for, so this is a lower bound of the pages, and the same on every run.

// A mapping is the memory of this process in which a file is mapped.
type mapping struct{ from, to uintptr }

// mappingsIn returns where the files of a directory are mapped.
func mappingsIn(t testing.TB, dir string) []mapping {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	var out []mapping
	for line := range strings.Lines(string(maps)) {
		if !strings.Contains(line, " "+dir+"/") {
			continue
		}
		var m mapping
		if _, err := fmt.Sscanf(line, "%x-%x ", &m.from, &m.to); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		t.Fatalf("nothing in %s is mapped", dir)
	}
	return out
}

// pagesRead returns how many page faults a function needs to read what it reads of some
// files, which are mapped and never written.
func pagesRead(t testing.TB, files []mapping, f func()) int64 {
	t.Helper()
	for _, m := range files {
		if _, _, err := syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED); err != 0 {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := pageFaults(t)
	f()
	return pageFaults(t) - before
}

// pageFaults returns how many this thread has had.
func pageFaults(t testing.TB) int64 {
	const thisThread = 1 // RUSAGE_THREAD
	var r syscall.Rusage
	if err := syscall.Getrusage(thisThread, &r); err != nil {
		t.Fatal(err)
	}
	return r.Minflt + r.Majflt
}
