package governor

import "math"

// Sizes are how much a run does at once, so that it stays within a budget.
type Sizes struct {
	Workers     int   // of snapshots, checks, prunes and the like
	CacheMemory int   // as in repo.Options
	Procs       int   // as in Lowering; 0 leaves it
	Memory      int64 // as in Lowering
}

// Memory that a run needs, as measured: a base, which has the packs that are built and the
// pages of the index, and what each worker adds.
const (
	baseMemory    = 72 << 20
	workerMemory  = 24 << 20
	mostCache     = 16 << 20
	leastCache    = 2 << 20
	cacheOfMemory = 16 // the part of the memory that the cache gets: one in so many
)

// SizesFor returns sizes for limits and bytes of memory, which are never so small that
// nothing goes on. Zero is no limit of memory.
func SizesFor(l Limits, memory int64) Sizes {
	cpus, _ := machine()
	return sizesFor(l, memory, cpus)
}

func sizesFor(l Limits, memory int64, cpus float64) Sizes {
	s := Sizes{Workers: int(math.Ceil(cpus)), CacheMemory: mostCache, Memory: memory}
	if l.Mode == Always && l.CPU > 0 { // what never may run at once needs no buffers, and no collector on idle processors
		s.Procs = max(1, int(math.Ceil(l.CPU*cpus)))
		s.Workers = s.Procs
	}
	if memory > 0 {
		s.Workers = max(1, min(s.Workers, int((memory-baseMemory)/workerMemory)))
		s.CacheMemory = int(min(mostCache, max(leastCache, memory/cacheOfMemory)))
	}
	return s
}
