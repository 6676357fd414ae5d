package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
)

// The limits of what governed runs may change.
const (
	mostOfRate    = 0.05
	mostOfLatency = 0.15
)

// A round has what the load measured: alone, beside governed runs, alone again, and beside
// runs without limits.
type round struct {
	alone, governed, again, free loaded
}

func measureLoad(ctx context.Context, o options) error {
	tree := filepath.Join(o.dir, "tree")
	if err := makeTree(tree, o.files[0], o.mib); err != nil {
		return err
	}
	var rounds []round
	var costs []ran
	for n := range o.rounds {
		var r round
		for _, m := range []struct {
			into    *loaded
			runs    bool
			limited bool
		}{{&r.alone, false, false}, {&r.governed, true, true}, {&r.again, false, false}, {&r.free, true, false}} {
			cost, err := beside(ctx, o, tree, m.into, m.runs, m.limited)
			if err != nil {
				return err
			}
			if m.limited {
				costs = append(costs, cost)
			}
		}
		rounds = append(rounds, r)
		fmt.Printf("<!-- round %d: %+v; governed %d runs, CPU %.4f, I/O %.4f of %d MiB/s -->\n", n+1, r,
			costs[n].Runs, costs[n].Cost.CPU.Mean, costs[n].Cost.IO.Mean, costs[n].Cost.Disk>>20)
	}
	printChanges(rounds)
	printCosts(costs)
	return nil
}

// beside measures the load, alone or beside runs.
func beside(ctx context.Context, o options, tree string, out *loaded, runs, limited bool) (cost ran, err error) {
	waitRun := func() error { return nil }
	if runs {
		waitRun, err = start(ctx, o, &cost, asRun, freshly, strconv.FormatBool(limited), tree, filepath.Join(o.dir, "repository"), strconv.Itoa(o.seconds+2))
		if err != nil {
			return cost, err
		}
	}
	waitLoad, err := start(ctx, o, out, asLoad, o.dir, strconv.Itoa(o.seconds))
	if err != nil {
		return cost, err
	}
	if err := waitLoad(); err != nil {
		return cost, err
	}
	return cost, waitRun()
}

// A measure is one figure of the load.
type measured struct {
	name string
	of   func(loaded) float64
	most float64
}

var figures = []measured{
	{"disk operations a second", func(l loaded) float64 { return l.Disk.Rate }, mostOfRate},
	{"99 % of them within, in µs", func(l loaded) float64 { return l.Disk.P99 }, mostOfLatency},
	{"computations a second", func(l loaded) float64 { return l.Compute.Rate }, mostOfRate},
	{"99 % of them within, in µs", func(l loaded) float64 { return l.Compute.P99 }, mostOfLatency},
}

// printChanges prints the medians, and how runs change them.
func printChanges(rounds []round) {
	fmt.Println("| | alone | spread | governed | change | held | without limits | change | times |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, f := range figures {
		c := changesOf(rounds, f)
		fmt.Printf("| %s | %.0f | %.1f %% | %.0f | %.1f %% | %s | %.0f | %.1f %% | %s |\n", f.name, c.alone, 100*c.spread,
			c.governed, 100*c.byGoverned, yes(c.held), c.free, 100*c.byFree, c.times())
	}
}

// changes are how a figure changes.
type changes struct {
	alone, governed, free      float64 // medians
	spread, byGoverned, byFree float64 // ratios; positive is worse
	held                       bool
}

func changesOf(rounds []round, f measured) (c changes) {
	var alone, governed, free []float64
	for _, r := range rounds {
		a, b := f.of(r.alone), f.of(r.again)
		alone = append(alone, a, b)
		governed, free = append(governed, f.of(r.governed)), append(free, f.of(r.free))
		c.spread = max(c.spread, math.Abs(a-b)/max(min(a, b), 1))
	}
	c.alone, c.governed, c.free = median(alone), median(governed), median(free)
	worse := func(x float64) float64 {
		if f.most == mostOfRate { // less is worse
			return 1 - x/max(c.alone, 1)
		}
		return x/max(c.alone, 1) - 1
	}
	c.byGoverned, c.byFree = worse(c.governed), worse(c.free)
	c.held = c.byGoverned < max(f.most, c.spread)
	return c
}

// times says how many times more runs without limits change.
func (c changes) times() string {
	if c.byGoverned <= 0.001 {
		return "> 100"
	}
	return fmt.Sprintf("%.1f", c.byFree/c.byGoverned)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "**no**"
}

// printCosts prints what governed runs took.
func printCosts(costs []ran) {
	fmt.Println("\n| governed | mean | 95 % | most | budget | held within 2 points |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, c := range costs {
		cpu, io, m := c.Cost.CPU, c.Cost.IO, c.Cost.Memory
		fmt.Printf("| processors | %.2f %% | %.2f %% | %.2f %% | %.0f %% | %s |\n", 100*cpu.Mean, 100*cpu.P95, 100*cpu.Max, 100*cpu.Budget, yes(cpu.Max <= cpu.Budget+0.02))
		fmt.Printf("| disk | %.2f %% | %.2f %% | %.2f %% | %.0f %% | %s |\n", 100*io.Mean, 100*io.P95, 100*io.Max, 100*io.Budget, yes(io.Max <= io.Budget+0.02))
		fmt.Printf("| memory | %.0f MiB | %.0f MiB | %.0f MiB | %.0f MiB | %s |\n", m.Mean/(1<<20), m.P95/(1<<20), m.Max/(1<<20), m.Budget/(1<<20), yes(m.Max <= m.Budget))
	}
}
