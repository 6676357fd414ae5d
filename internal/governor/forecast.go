package governor

import (
	"fmt"
	"math"
	"time"
)

// A Need is what a run is expected to take: as an earlier one did, or as estimated.
type Need struct {
	CPU time.Duration // processor time
	IO  int64         // bytes to and from disks
}

// Duration returns how long a run takes that may use no more than limits allow, at least.
// cpus and disk are what a ratio of 1 is.
func (n Need) Duration(l Limits, cpus float64, disk int64) time.Duration {
	least := func(need, all, ratio float64) float64 {
		if l.Mode != Always || ratio <= 0 {
			ratio = 1
		}
		if all <= 0 {
			return 0
		}
		return need / (all * ratio)
	}
	seconds := max(least(n.CPU.Seconds(), cpus, l.CPU), least(float64(n.IO), float64(disk), l.IO))
	return time.Duration(min(seconds, float64(math.MaxInt64)/1e10) * float64(time.Second))
}

// Overlong returns an error with the numbers if a run that needs so much would last longer
// than the interval of its schedule, and nil if it fits.
func (n Need) Overlong(l Limits, cpus float64, disk int64, interval time.Duration) error {
	takes := n.Duration(l, cpus, disk)
	if interval <= 0 || takes <= interval {
		return nil
	}
	if l.Mode != Always {
		return fmt.Errorf("a run takes at least %s even if it may use the whole machine, and the schedule has one every %s: "+
			"make the interval longer", round(takes), round(interval))
	}
	what, all, ratio, key := fmt.Sprintf("%s of processor time", round(n.CPU)), fmt.Sprintf("%.4g processors", cpus), l.CPU, "limits.cpu"
	if (Need{CPU: n.CPU}).Duration(l, cpus, disk) < takes {
		what, all, ratio, key = fmt.Sprintf("%d MiB of I/O", n.IO>>20), fmt.Sprintf("%d MiB/s", disk>>20), l.IO, "limits.io"
	}
	enough := math.Ceil(100 * ratio * takes.Seconds() / interval.Seconds())
	way := fmt.Sprintf("raise %s to %.0f%%, or use the mode yield", key, enough)
	if enough > 100 {
		way = "make the interval longer"
	}
	return fmt.Errorf("a run needs %s: with %.4g%% of %s it takes %s, and the schedule has one every %s: %s",
		what, 100*ratio, all, round(takes), round(interval), way)
}

func round(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// Machine returns how many processors a ratio of 1 is: the smallest of the processors, the
// cpuset and the quota of the control group.
func Machine() float64 {
	cpus, _ := machine()
	return cpus
}
