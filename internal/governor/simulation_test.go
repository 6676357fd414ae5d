package governor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A simulated is a machine of some processors and a disk. It works by the clock of synctest.
type simulated struct {
	cpus, disk float64
	seek       float64 // how many times longer the disk takes than at its best rate

	mu      sync.Mutex
	own     use
	foreign load
	history []use // of own, each step
	free    chan struct{}
}

const step = 10 * time.Millisecond

func newSimulated(cpus int, disk float64) *simulated {
	s := &simulated{cpus: float64(cpus), disk: disk, free: make(chan struct{}, cpus)}
	for range cpus {
		s.free <- struct{}{}
	}
	return s
}

func (s *simulated) use() use {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own
}

func (s *simulated) load() load {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.foreign
	l.busy += s.own.cpu
	l.disk += s.own.io
	l.requests += s.own.io >> 17
	l.diskTime += time.Duration(max(s.seek, 1) * float64(s.own.io) / s.disk * float64(time.Second))
	return l
}

func (s *simulated) memory() (now, most int64) { return 1 << 20, 2 << 20 }
func (s *simulated) machine() (float64, int)   { return s.cpus, int(s.cpus) }
func (s *simulated) remarks() []string         { return nil }
func (s *simulated) charge(cpu time.Duration, io int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own.cpu += cpu
	s.own.io += io
}

// observe records what is used, and loads the machine with others, until the context ends.
func (s *simulated) observe(ctx context.Context, others func(at time.Duration) (cpu, disk float64)) {
	start := time.Now()
	for ctx.Err() == nil {
		cpu, disk := others(time.Since(start))
		s.mu.Lock()
		s.history = append(s.history, s.own)
		s.foreign.busy += time.Duration(cpu * s.cpus * float64(step))
		s.foreign.disk += int64(disk * s.disk * step.Seconds())
		s.foreign.requests += int64(disk * s.disk * step.Seconds() / 4096)
		s.foreign.diskTime += time.Duration(disk * float64(step))
		s.mu.Unlock()
		time.Sleep(step)
	}
}

// work does parts of random cost, asking g before each, until the context ends.
func (s *simulated) work(ctx context.Context, g *Governor, random *rand.Rand) {
	for g.Pace(ctx) == nil {
		if random.IntN(20) == 0 { // it waits for a server
			time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond)
		}
		<-s.free
		cpu, io := time.Duration(100+random.IntN(4900))*time.Microsecond, int64(random.IntN(1<<20))
		time.Sleep(max(cpu, time.Duration(max(s.seek, 1)*float64(io)/s.disk*float64(time.Second))))
		s.charge(cpu, io)
		s.free <- struct{}{}
	}
}

// collect is the garbage collector: it works whether or not the gate is open.
func (s *simulated) collect(ctx context.Context) {
	for ctx.Err() == nil {
		time.Sleep(500 * time.Millisecond)
		s.charge(15*time.Millisecond, 0)
	}
}

// most returns the highest ratios over any time of a length, from a moment on.
func (s *simulated) most(length, from time.Duration) (cpu, io float64) {
	n := int(length / step)
	for i := int(from / step); i+n < len(s.history); i++ {
		a, b := s.history[i], s.history[i+n]
		cpu = max(cpu, (b.cpu-a.cpu).Seconds()/length.Seconds()/s.cpus)
		io = max(io, float64(b.io-a.io)/length.Seconds()/s.disk)
	}
	return cpu, io
}

// mean returns the mean ratios between two moments.
func (s *simulated) mean(from, to time.Duration) (cpu, io float64) {
	a, b := s.history[from/step], s.history[min(int(to/step), len(s.history)-1)]
	return (b.cpu - a.cpu).Seconds() / (to - from).Seconds() / s.cpus, float64(b.io-a.io) / (to - from).Seconds() / s.disk
}

func nobody(time.Duration) (cpu, disk float64) { return 0, 0 }

// simulate lets workers work for a time under a governor.
func simulate(t *testing.T, s *simulated, o Config, workers int, length time.Duration, others func(time.Duration) (cpu, disk float64)) *Governor {
	t.Helper()
	o.meter, o.Disk = s, int64(s.disk)
	g, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() { s.observe(ctx, others) })
	all.Go(func() { s.collect(ctx) })
	for n := range workers {
		all.Go(func() { s.work(ctx, g, rand.New(rand.NewPCG(uint64(n), uint64(workers)))) })
	}
	all.Wait()
	return g
}

func TestAnyTenSecondsStayWithinTheBudgetAndUseIt(t *testing.T) {
	for _, of := range []struct {
		cpus, workers int
		limits        Limits
	}{
		{2, 1, Limits{Always, 0.10, 0}},
		{2, 5, Limits{Always, 0.10, 0}},
		{2, 5, Limits{Always, 0.30, 0}},
		{8, 12, Limits{Always, 0.10, 0}},
		{64, 70, Limits{Always, 0.10, 0}},
		{2, 5, Limits{Always, 0, 0.30}},
		{8, 9, Limits{Always, 0, 0.10}},
		{1, 3, Limits{Always, 0.05, 0.30}},
	} {
		t.Run(fmt.Sprint(of), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulated(of.cpus, 200<<20)
				g := simulate(t, s, Config{Limits: Constant(of.limits)}, of.workers, 90*time.Second, nobody)
				cost := g.Stop()
				cpu, io := s.most(10*time.Second, 0)
				meanCPU, meanIO := s.mean(10*time.Second, 80*time.Second)
				t.Logf("CPU: mean %.4f, most %.4f; I/O: mean %.4f, most %.4f", meanCPU, cpu, meanIO, io)
				const points = 0.005 // more than the issue asks for
				if l := of.limits.CPU; l > 0 && cpu > l+points {
					t.Errorf("10 s took %.4f of the processors, the budget is %.2f", cpu, l)
				}
				if l := of.limits.IO; l > 0 && io > l+points {
					t.Errorf("10 s took %.4f of the disk, the budget is %.2f", io, l)
				}
				if used := max(meanCPU/max(of.limits.CPU, 1e-9)*b2f(of.limits.CPU > 0), meanIO/max(of.limits.IO, 1e-9)*b2f(of.limits.IO > 0)); used < 0.8 {
					t.Errorf("only %.2f of the budget was used", used)
				}
				if d := cost.CPU.Mean - meanCPU; d > 0.01 || d < -0.01 {
					t.Errorf("the report says that the mean was %.4f, it was %.4f", cost.CPU.Mean, meanCPU)
				}
				if cost.Waited < 10 {
					t.Errorf("the report says that the budget took %.1f s", cost.Waited)
				}
			})
		})
	}
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func TestARunThatYieldsUsesWhatIsIdleAndGivesWayWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const begin, end = 20 * time.Second, 40 * time.Second
		s := newSimulated(4, 4<<30)
		simulate(t, s, Config{Limits: Constant(Limits{Yield, 0.10, 0.30})}, 8, 60*time.Second, func(at time.Duration) (cpu, disk float64) {
			if at > begin && at < end {
				return 0.97, 0
			}
			return 0.02, 0
		}).Stop()
		before, _ := s.mean(5*time.Second, begin)
		during, _ := s.most(time.Second, begin+time.Second)
		while, _ := s.mean(begin+time.Second, end)
		after, _ := s.mean(end+3*time.Second, 59*time.Second)
		if before < 0.7 || after < 0.7 {
			t.Errorf("it used %.2f and %.2f of the idle processors", before, after)
		}
		if while > 0.03 {
			t.Errorf("it still used %.3f of the processors while others needed them; in one second %.3f", while, during)
		}
		if while == 0 {
			t.Error("it stopped altogether")
		}
	})
}

func TestARunThatYieldsLeavesTheDiskToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const begin, end = 20 * time.Second, 40 * time.Second
		s := newSimulated(8, 100<<20)
		simulate(t, s, Config{Limits: Constant(Limits{Yield, 0.10, 0.30})}, 4, 60*time.Second, func(at time.Duration) (cpu, disk float64) {
			if at > begin && at < end {
				return 0, 0.95
			}
			return 0, 0
		}).Stop()
		_, before := s.mean(5*time.Second, begin)
		_, while := s.mean(begin+time.Second, end)
		if before < 0.5 || while > 0.05 {
			t.Errorf("it used %.2f of the idle disk, and %.3f while others needed it", before, while)
		}
	})
}

func TestADiskThatSeeksIsBusyForThePartOfTheBudgetOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated(1, 100<<20)
		s.seek = 4
		simulate(t, s, Config{Limits: Constant(Limits{Always, 0, 0.30})}, 3, 90*time.Second, nobody).Stop()
		_, most := s.most(10*time.Second, 0)
		_, mean := s.mean(10*time.Second, 80*time.Second)
		t.Logf("the disk was busy for %.3f of the time, at most for %.3f", mean*s.seek, most*s.seek)
		if busy := most * s.seek; busy > 0.35 {
			t.Errorf("in 10 s the disk was busy for %.3f of the time", busy)
		}
		if busy := mean * s.seek; busy < 0.2 {
			t.Errorf("the disk was busy for only %.3f of the time", busy)
		}
	})
}

func TestWithoutLimitsNothingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated(2, 1<<30)
		cost := simulate(t, s, Config{Limits: Constant(Limits{Mode: Off, CPU: 0.1, IO: 0.3})}, 4, 10*time.Second, nobody).Stop()
		if cpu, _ := s.mean(time.Second, 9*time.Second); cpu < 0.8 || cost.Waited > 0 {
			t.Errorf("it used %.2f of the processors, and waited for %.1f s", cpu, cost.Waited)
		}
	})
}

func TestLimitsFollowTheTimeOfDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, start := newSimulated(2, 1<<30), time.Now()
		simulate(t, s, Config{Limits: func(at time.Time) Limits {
			if at.Sub(start) < 30*time.Second {
				return Limits{Mode: Always, CPU: 0.05}
			}
			return Limits{Mode: Always, CPU: 0.5}
		}}, 4, 70*time.Second, nobody).Stop()
		first, _ := s.mean(10*time.Second, 30*time.Second)
		second, _ := s.mean(40*time.Second, 69*time.Second)
		if first > 0.055 || second < 0.45 {
			t.Errorf("it used %.3f and then %.3f of the processors, want 0.05 and 0.5", first, second)
		}
	})
}

func TestAWaitEndsWithItsContextAndWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated(2, 1<<30)
		g, err := Start(Config{Limits: Constant(Limits{Mode: Always, CPU: 0.10}), Disk: 1 << 30, meter: s})
		if err != nil {
			t.Fatal(err)
		}
		s.charge(time.Hour, 0)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := g.Pace(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with debt, Pace returned %v", err)
		}
		began := time.Now()
		if err := g.Pace(t.Context()); err != nil || time.Since(began) > window {
			t.Errorf("debt kept the work waiting for %v: %v", time.Since(began), err)
		}
		s.charge(time.Hour, 0)
		time.Sleep(time.Second)
		done := make(chan error)
		go func() { done <- g.Pace(t.Context()) }()
		synctest.Wait()
		began = time.Now()
		g.Stop()
		if err := <-done; err != nil || time.Since(began) > 0 {
			t.Errorf("after Stop the work waited for %v: %v", time.Since(began), err)
		}
	})
}

func TestLimitsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, l := range []Limits{{}, {Mode: "fast"}, {Mode: Always, CPU: -1}, {Mode: Always, CPU: 1.1}, {Mode: Yield, IO: 2}} {
		if g, err := Start(Config{Limits: Constant(l), meter: newSimulated(1, 1)}); err == nil {
			g.Stop()
			t.Errorf("%+v was accepted", l)
		}
	}
}
