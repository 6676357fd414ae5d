package governor

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunsThatShareABudgetKeepItTogether(t *testing.T) {
	for _, runs := range []int{2, 4, 16} {
		dir := t.TempDir()
		t.Run(fmt.Sprint(runs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { shareInTime(t, dir, runs) })
		})
	}
}

// shareInTime lets runs work at once, of which each begins a little later and lasts less than
// the one before.
func shareInTime(t *testing.T, dir string, runs int) {
	const (
		cpus   = 8
		budget = 0.20
		points = 0.01
		length = 80 * time.Second
	)
	machine := make([]*simulated, runs)
	var all sync.WaitGroup
	for n := range machine {
		machine[n] = newSimulated(cpus, 1<<30)
		share, err := join(dir, WithHost, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer share.Close()
			late := time.Duration(n) * 20 * time.Second / time.Duration(runs)
			time.Sleep(late)
			simulate(t, machine[n], Config{Limits: Constant(Limits{Mode: Always, CPU: budget}), Share: share}, 4, length-2*late, nobody).Stop()
		})
	}
	all.Wait()
	together := newSimulated(cpus, 1<<30)
	for at := time.Duration(0); at < length; at += step {
		var sum use
		for n, s := range machine {
			late := time.Duration(n) * 20 * time.Second / time.Duration(runs)
			i := min(int((at-late)/step), len(s.history)-1)
			if i >= 0 {
				sum.cpu += s.history[i].cpu
			}
		}
		together.history = append(together.history, sum)
	}
	most, _ := together.most(10*time.Second, 0)
	mean, _ := together.mean(20*time.Second, 55*time.Second)
	t.Logf("%d runs used %.4f of the processors, at most %.4f", runs, mean, most)
	if most > budget+points {
		t.Errorf("10 s took %.4f of the processors, the budget is %.2f", most, budget)
	}
	if mean < budget-0.05 {
		t.Errorf("only %.4f of the processors were used, the budget is %.2f", mean, budget)
	}
}
