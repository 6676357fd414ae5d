package seal

import (
	"runtime"
	"runtime/metrics"

	"golang.org/x/sys/unix"
)

// smallHeap is the largest heap, in bytes, for which expectMemory runs the garbage
// collector.
const smallHeap = 32 << 20

// expectMemory makes the next allocation of about that many bytes use huge pages, if
// possible. Argon2id touches its 64 MiB in small steps. Where each 4 KiB page costs a
// fault, above all on a virtual machine, the faults take longer than the hashing. The
// memory comes from the Go heap, so this function can only mark a range of the heap and
// free it again. If the runtime then allocates another range, nothing is lost. Opening
// with a password took 0.07 s instead of 0.17 s on a machine with two processors.
//
// The caller calls done once that allocation is no longer in use: the program's next
// allocations then reuse its memory, and the process grows no further.
func expectMemory(bytes int) (done func()) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	if bytes < 4<<20 || heap[0].Value.Kind() != metrics.KindUint64 || heap[0].Value.Uint64() > smallHeap {
		return func() {}
	}
	markHuge(bytes + 2<<20)
	runtime.GC()
	return runtime.GC
}

//go:noinline
func markHuge(bytes int) {
	_ = unix.Madvise(make([]byte, bytes), unix.MADV_HUGEPAGE) // only a hint: the kernel may lack huge pages
}
