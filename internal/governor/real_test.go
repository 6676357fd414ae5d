package governor

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// measureReal works for some seconds as fast as it may, and returns what was used in a second.
func measureReal(t *testing.T, o Config, work func()) (per use, g *Governor) {
	t.Helper()
	g, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	start, before := time.Now(), g.meter.use()
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for time.Since(start) < 3*time.Second && g.Pace(t.Context()) == nil {
				work()
			}
		})
	}
	all.Wait()
	after, seconds := g.meter.use(), time.Since(start).Seconds()
	return use{
		cpu: time.Duration(float64(after.cpu-before.cpu) / seconds),
		io:  int64(float64(after.io-before.io) / seconds),
	}, g
}

func TestRealWorkStaysNearItsBudgetOfProcessorTime(t *testing.T) {
	block := make([]byte, 1<<20)
	const ratio = 0.15
	per, g := measureReal(t, Config{Limits: Constant(Limits{Mode: Always, CPU: ratio})}, func() { sha256.Sum256(block) })
	cost := g.Stop()
	got := per.cpu.Seconds() / g.cpus
	t.Logf("used %.3f of the processors, waited %.1f s", got, cost.Waited)
	if got > 2*ratio {
		t.Errorf("it used %.3f of the processors, the budget is %.2f", got, ratio)
	}
	if got < ratio/20 {
		t.Errorf("it used only %.4f of the processors, the budget is %.2f", got, ratio)
	}
	if cost.CPU.Budget != ratio || cost.Mode != "always" || cost.Seconds <= 0 || cost.CPU.Max <= 0 || cost.Memory.Max <= 0 {
		t.Errorf("the report is %+v", cost)
	}
}

func TestRealWritesStayNearTheirBudget(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const rate = 16 << 20
	block := make([]byte, 256<<10)
	per, g := measureReal(t, Config{Disk: 2 * rate, Limits: Constant(Limits{Mode: Always, IO: 0.5})}, func() {
		if _, err := f.Write(block); err != nil {
			t.Error(err)
		}
	})
	g.Stop()
	if per.io == 0 {
		t.Skip("what the file system holds is in memory, or is not measured")
	}
	t.Logf("wrote %.1f MiB/s", float64(per.io)/(1<<20))
	if per.io > 2*rate {
		t.Errorf("it wrote %d bytes a second, the budget is %d", per.io, rate)
	}
	if per.io < rate/20 {
		t.Errorf("it wrote only %d bytes a second, the budget is %d", per.io, rate)
	}
}
