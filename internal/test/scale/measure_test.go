//go:build scale && linux

package scale

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// atMost fails the test if a figure exceeds its limit.
func atMost[T cmp.Ordered](t *testing.T, what string, got, limit T) {
	t.Helper()
	if got > limit {
		t.Errorf("%s: %v exceeds %v", what, got, limit)
	}
}

// growth returns how many times as much each of many costs as each of few.
func growth(few time.Duration, n int, many time.Duration, m int) float64 {
	return (many.Seconds() / float64(m)) / (few.Seconds() / float64(n))
}

// processorTime returns what this process has used so far. Unlike the time on the
// clock it says the same on a busy machine.
func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// An effort is what this process has done.
type effort struct {
	processor time.Duration
	written   int64  // bytes, to files
	allocated uint64 // bytes
}

func effortSoFar(t testing.TB) effort {
	t.Helper()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	return effort{processorTime(), fieldOf(string(io), "wchar:"), m.TotalAlloc}
}

func (e effort) plus(o effort) effort {
	return effort{e.processor + o.processor, e.written + o.written, e.allocated + o.allocated}
}

func (e effort) minus(o effort) effort {
	return effort{e.processor - o.processor, e.written - o.written, e.allocated - o.allocated}
}

// A memoryWatch knows the most memory that a process had of a sort.
type memoryWatch struct {
	quit chan struct{}
	most chan int64
}

// watchMemory looks at a process every few milliseconds until it is stopped: at that
// field of its status, see proc_pid_status(5).
func watchMemory(pid int, field string) memoryWatch {
	w := memoryWatch{make(chan struct{}), make(chan int64)}
	go func() {
		var most int64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, memoryOf(pid, field))
			select {
			case <-tick.C:
			case <-w.quit:
				w.most <- most
				return
			}
		}
	}()
	return w
}

func (w memoryWatch) stop() int64 {
	close(w.quit)
	return <-w.most
}

// memoryOf returns the bytes in a field of a process's status, or 0 when it has ended.
func memoryOf(pid int, field string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	return fieldOf(string(status), field) << 10 // which is in KiB
}

// fieldOf returns the number in a line of a status file.
func fieldOf(status, name string) (n int64) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			_, _ = fmt.Sscan(rest, &n)
		}
	}
	return n
}
