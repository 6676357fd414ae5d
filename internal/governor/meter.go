package governor

import "time"

// A use is what the process and its children have used since they began.
type use struct {
	cpu time.Duration
	io  int64 // bytes to and from disks
}

// A load is what the machine has done since it was started.
type load struct {
	busy     time.Duration // of all processors together
	disk     int64         // bytes to and from all disks
	requests int64         // to all disks
	diskTime time.Duration // that the busiest disk was busy

	// How long some thread has waited for something: see proc_pressure in the kernel's
	// documentation. Zero where the kernel doesn't tell.
	stalledIO, stalledMemory time.Duration
}

// A meter measures. What it can't measure it names in its remarks.
type meter interface {
	// use is called often, by one goroutine at a time.
	use() use
	// load is called now and then, by one goroutine at a time.
	load() load
	// memory returns how many bytes of memory the process has now, and the most it had.
	memory() (now, most int64)
	// machine returns what a ratio of 1 is, and how many processors load counts.
	machine() (cpus float64, all int)
	// remarks say what can't be measured.
	remarks() []string
}
