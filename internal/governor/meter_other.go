//go:build !linux && !windows

package governor

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A systemMeter asks the system for processor time. Nothing else is measured.
type systemMeter struct{}

func newMeter() meter { return systemMeter{} }

// remarks is part of meter.
func (systemMeter) remarks() []string {
	return []string{"on this system, I/O is not measured, and others are not looked at"}
}

// use is part of meter.
func (systemMeter) use() (u use) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var r unix.Rusage
		if unix.Getrusage(who, &r) == nil {
			u.cpu += time.Duration(r.Utime.Nano() + r.Stime.Nano())
		}
	}
	return u
}

// load is part of meter.
func (systemMeter) load() load { return load{} }

// memory is part of meter.
func (systemMeter) memory() (now, most int64) {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) != nil {
		return 0, 0
	}
	most = r.Maxrss
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" {
		most <<= 10
	}
	return most, most
}

// machine is part of meter.
func (systemMeter) machine() (cpus float64, all int) { return machine() }

func machine() (cpus float64, all int) { return float64(runtime.NumCPU()), runtime.NumCPU() }
