package governor

import (
	"slices"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// sampleTime is the time over which the report averages.
const sampleTime = 10 * time.Second

// A sample is what was used in sampleTime: ratios, and bytes of memory.
type sample struct {
	end             time.Time
	cpu, io, memory float32
}

// A record keeps the samples of a run.
type record struct {
	start, at time.Time
	first     use
	last      use
	samples   []sample
	highest   int64 // memory in the sample
	most      int64 // memory in the run
}

// maxSamples bounds the samples: those of four weeks.
const maxSamples = 4 * 7 * 24 * 360

func (r *record) begin(now time.Time, u use) {
	r.start, r.at, r.first, r.last = now, now, u, u
}

// memory records how much memory the process has, and has had at most.
func (r *record) memory(now, most int64) {
	r.highest, r.most = max(r.highest, now), max(r.most, now, most)
}

// add ends a sample when its time is up.
func (r *record) add(now time.Time, u use, disk int64, cpus float64) {
	if now.Sub(r.at) < sampleTime || len(r.samples) >= maxSamples {
		return
	}
	r.end(now, u, disk, cpus)
}

func (r *record) end(now time.Time, u use, disk int64, cpus float64) {
	seconds := now.Sub(r.at).Seconds()
	r.samples = append(r.samples, sample{
		end:    now,
		cpu:    float32((u.cpu - r.last.cpu).Seconds() / seconds / cpus),
		io:     float32(float64(u.io-r.last.io) / seconds / float64(disk)),
		memory: float32(r.highest),
	})
	r.at, r.last, r.highest = now, u, 0
}

// current returns the ratios of the last complete sample.
func (r *record) current() (cpu, io float64) {
	if len(r.samples) == 0 {
		return 0, 0
	}
	s := r.samples[len(r.samples)-1]
	return float64(s.cpu), float64(s.io)
}

// cost returns what the run took until the last measurement.
func (g *Governor) cost() report.RunCost {
	r := &g.record
	passed := g.at.Sub(r.start).Seconds()
	if g.at.Sub(r.at) >= time.Second || len(r.samples) == 0 && passed > 0 { // the rest, or the whole of a short run
		r.end(g.at, g.used, g.disk, g.cpus)
	}
	cpu, io := (g.used.cpu - r.first.cpu).Seconds(), g.used.io-r.first.io
	c := report.RunCost{
		Mode:    string(g.limits.Mode),
		CPU:     useOf(r.samples, func(s sample) float32 { return s.cpu }),
		IO:      useOf(r.samples, func(s sample) float32 { return s.io }),
		Memory:  useOf(r.samples, func(s sample) float32 { return s.memory }),
		Seconds: cpu, DiskBytes: uint64(max(io, 0)), Disk: uint64(g.disk), Waited: g.waited.Seconds(),
		Remarks: g.meter.remarks(),
	}
	if passed > 0 {
		c.CPU.Mean, c.IO.Mean = cpu/passed/g.cpus, float64(io)/passed/float64(g.disk)
	}
	c.Memory.Max, c.Memory.Budget = float64(r.most), float64(g.o.Memory)
	if g.limits.Mode == Always {
		c.CPU.Budget, c.IO.Budget = g.limits.CPU, g.limits.IO
	}
	if g.o.Share != nil {
		c.Shared = g.o.Share.With
		if g.o.Share.Why != nil {
			c.Remarks = append(c.Remarks, "the budget is not shared with all runs of this host: "+g.o.Share.Why.Error())
		}
	}
	c.Hour = r.hour(g.at)
	return c
}

// useOf returns mean, 95th percentile and maximum of the samples.
func useOf(samples []sample, of func(sample) float32) (u report.Use) {
	if len(samples) == 0 {
		return u
	}
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = float64(of(s))
		u.Mean += values[i] / float64(len(samples))
	}
	slices.Sort(values)
	u.P95, u.Max = values[(len(values)*95+99)/100-1], values[len(values)-1]
	return u
}

// hour returns the means over the hour before a time, most of which the run may not have
// lasted.
func (r *record) hour(until time.Time) *report.RunHour {
	h := new(report.RunHour)
	begin := r.start
	for _, s := range r.samples {
		from := begin
		begin = s.end
		if limit := until.Add(-time.Hour); from.Before(limit) {
			from = limit
		}
		if part := s.end.Sub(from).Hours(); part > 0 {
			h.CPU += part * float64(s.cpu)
			h.IO += part * float64(s.io)
		}
	}
	return h
}
