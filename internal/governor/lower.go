package governor

import (
	"runtime"
	"runtime/debug"
)

// A Lowering says what Lower does to the process beside lowering its priorities.
type Lowering struct {
	// Memory is about how many bytes of memory the process should use. Zero is no limit.
	// The garbage collector works harder near it; nothing fails.
	Memory int64
	// Procs bounds the processors that Go uses at the same time, garbage collection
	// included. Zero leaves it as it is.
	Procs int
	// CPU is the ratio of the processors that the process gets at most where the system can
	// hold that by itself: on Windows. Zero is no limit.
	CPU float64
}

// A Lowered process can start others that are as it was before.
type Lowered struct {
	// Remarks say what could not be lowered.
	Remarks []string
	lowered
}

// heapPart is the part of the memory that is left to Go. The rest is for the pages of the
// index that are mapped, and for threads.
const heapPart = 0.8

// Lower makes this process give way to others: low priorities for processors and I/O, no core
// dump, and no inspection by other processes of the user, since it holds secrets. Only
// programs of qsnap call it, and never a library. It is called once, after Start.
func Lower(o Lowering) *Lowered {
	if o.Memory > 0 {
		debug.SetMemoryLimit(int64(heapPart * float64(o.Memory)))
	}
	if o.Procs > 0 {
		runtime.GOMAXPROCS(o.Procs)
	}
	l := new(Lowered)
	l.lower(o)
	return l
}
