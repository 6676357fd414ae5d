package job

import (
	"os/exec"
	"sync"
	"time"

	"github.com/qsnap/qsnap/internal/governor"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

// A Process is a program that runs jobs and does nothing else. When its first run begins it
// gives way to all others, for good: its priorities for processors and disks become the
// lowest, its memory is bounded, it leaves no core dump, and other processes of its user can't
// inspect it. Hooks start as if that had not happened. The zero value is ready.
type Process struct {
	once    sync.Once
	lowered *governor.Lowered
}

// lower gives way, once.
func (p *Process) lower(o governor.Lowering) (remarks []string) {
	if p == nil {
		return nil
	}
	p.once.Do(func() { p.lowered = governor.Lower(o) })
	return p.lowered.Remarks
}

// start returns what starts a hook.
func (p *Process) start() func(*exec.Cmd) error {
	if p == nil {
		return nil
	}
	return p.lowered.Start
}

// at returns what a profile's limits say of a time.
func at(l profile.Limits, t time.Time) profile.Limits {
	for _, h := range l.Hours {
		if !h.When.Contains(t) {
			continue
		}
		if h.Mode != "" {
			l.Mode = h.Mode
		}
		if h.CPU > 0 {
			l.CPU = h.CPU
		}
		if h.IO > 0 {
			l.IO = h.IO
		}
		if h.Upload > 0 {
			l.Upload = h.Upload
		}
		if h.Download > 0 {
			l.Download = h.Download
		}
		break
	}
	return l
}

// limits returns the budget at a time.
func (x *running) limits(t time.Time) governor.Limits {
	l := at(x.p.Limits, t)
	mode := governor.Mode(l.Mode)
	if x.first.Load() && l.First != "" && mode == governor.Always {
		mode = governor.Mode(l.First)
	}
	if x.o.NoLimit {
		mode = governor.Off
	}
	return governor.Limits{Mode: mode, CPU: float64(l.CPU), IO: float64(l.IO)}
}

// diskRate is the name of the value that keeps the best rate of the disk.
const diskRate = "disk-rate"

// govern begins to hold the profile's limits. The function that it returns ends that, and says
// what the run took.
func (x *running) govern() func() *report.RunCost {
	_, known := x.lastGood()
	x.first.Store(!known) // until the repository is open
	now := x.o.Now()
	l, memory := x.limits(now), int64(x.p.Limits.Memory)
	if x.o.NoLimit {
		memory = 0
	}
	x.sizes = governor.SizesFor(l, memory)
	// The governor measures this process, whose clock is the machine's.
	c := governor.Config{Disk: int64(x.p.Limits.Disk), Memory: memory, Limits: func(time.Time) governor.Limits { return x.limits(x.o.Now()) }}
	_ = x.dir.ReadValue(diskRate, &c.Seen) // none is known otherwise
	if l.Mode != governor.Off {
		c.Share = governor.OpenShare(governor.HostShare, x.dir.Path("budget"), x.o.Rand)
	}
	x.foresee(l, max(c.Disk, c.Seen))
	g, err := governor.Start(c)
	if err != nil {
		x.warn(err)
		return func() *report.RunCost { return nil }
	}
	x.pace = g
	lowering := governor.Lowering{Memory: x.sizes.Memory, Procs: x.sizes.Procs}
	if l.Mode == governor.Always {
		lowering.CPU = l.CPU
	}
	remarks := x.o.Process.lower(lowering)
	return func() *report.RunCost {
		cost := g.Stop()
		cost.Remarks = append(cost.Remarks, remarks...)
		if c.Share != nil {
			_ = c.Share.Close() // its file ends with the process at the latest
		}
		if rate := g.Rate(); rate > c.Seen {
			_ = x.dir.WriteValue(diskRate, rate) // measured again next time
		}
		return &cost
	}
}

// foresee warns if the run would last longer than the interval of its schedule, going by the
// last run that made a version at the same limits.
func (x *running) foresee(l governor.Limits, disk int64) {
	runs, err := x.history.List(history.Filter{Profile: x.p.Name, Last: lookBack})
	if err != nil || x.schedule.IsZero() {
		return
	}
	for i := len(runs) - 1; i >= 0; i-- {
		c := runs[i].Cost
		if c == nil || runs[i].Snapshot == nil {
			continue
		}
		need := governor.Need{CPU: time.Duration(c.Seconds * float64(time.Second)), IO: int64(c.DiskBytes)}
		if err := need.Overlong(l, governor.Machine(), max(disk, int64(c.Disk)), x.schedule.Interval(x.o.Now())); err != nil {
			x.warn(err)
		}
		return
	}
}

// lower returns the lower of two rates, of which 0 is no limit.
func lower(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
