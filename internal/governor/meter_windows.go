package governor

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	kernel32         = windows.NewLazySystemDLL("kernel32.dll")
	psapi            = windows.NewLazySystemDLL("psapi.dll")
	getSystemTimes   = kernel32.NewProc("GetSystemTimes")
	getIOCounters    = kernel32.NewProc("GetProcessIoCounters")
	getProcessMemory = psapi.NewProc("GetProcessMemoryInfo")
)

// A systemMeter asks the system.
type systemMeter struct{}

func newMeter() meter { return systemMeter{} }

// remarks is part of meter.
func (systemMeter) remarks() []string {
	return []string{
		"I/O is what the process has read and written, from memory and networks, too",
		"children are not measured, and others are not looked at where the disk is concerned",
	}
}

// use is part of meter.
func (systemMeter) use() (u use) {
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user) == nil {
		u.cpu = span(kernel) + span(user)
	}
	var io windows.IO_COUNTERS
	if ok, _, _ := getIOCounters.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&io))); ok != 0 {
		u.io = int64(io.ReadTransferCount + io.WriteTransferCount)
	}
	return u
}

// span returns a FILETIME that is a span of time, in units of 100 ns.
func span(f windows.Filetime) time.Duration {
	return time.Duration(int64(f.HighDateTime)<<32|int64(f.LowDateTime)) * 100
}

// load is part of meter.
func (systemMeter) load() (l load) {
	var idle, kernel, user windows.Filetime
	ok, _, _ := getSystemTimes.Call(uintptr(unsafe.Pointer(&idle)), uintptr(unsafe.Pointer(&kernel)), uintptr(unsafe.Pointer(&user)))
	if ok != 0 {
		l.busy = span(kernel) + span(user) - span(idle) // the kernel's time has the idle time
	}
	return l
}

// A memoryCounters is PROCESS_MEMORY_COUNTERS.
type memoryCounters struct {
	size, faults                      uint32
	peak, now                         uintptr
	quotaPeakPaged, quotaPaged        uintptr
	quotaPeakNonPaged, quotaNonPaged  uintptr
	pagefileUsage, peakPagefileUsage_ uintptr
}

// memory is part of meter.
func (systemMeter) memory() (now, most int64) {
	c := memoryCounters{size: uint32(unsafe.Sizeof(memoryCounters{}))}
	ok, _, _ := getProcessMemory.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&c)), uintptr(c.size))
	if ok == 0 {
		return 0, 0
	}
	return int64(c.now), int64(c.peak)
}

// machine is part of meter.
func (systemMeter) machine() (cpus float64, all int) { return machine() }

func machine() (cpus float64, all int) { return float64(runtime.NumCPU()), runtime.NumCPU() }
