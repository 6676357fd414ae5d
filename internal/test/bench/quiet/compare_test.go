package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func of(rate, p99 float64) loaded {
	return loaded{Disk: operations{rate, p99}, Compute: operations{rate, p99}}
}

func TestAChangeIsHeldAgainstTheLimitOrTheSpread(t *testing.T) {
	rounds := []round{
		{alone: of(1000, 100), governed: of(960, 110), again: of(1010, 101), free: of(500, 300)},
		{alone: of(1000, 100), governed: of(970, 112), again: of(1000, 100), free: of(600, 250)},
	}
	rate, latency := changesOf(rounds, figures[0]), changesOf(rounds, figures[1])
	if !rate.held || !latency.held || rate.spread < 0.009 || rate.spread > 0.011 {
		t.Errorf("%+v and %+v should be held", rate, latency)
	}
	if rate.alone != 1000 || rate.governed != 965 || rate.free != 550 || math.Abs(rate.byFree-0.45) > 1e-9 {
		t.Errorf("medians and changes are %+v", rate)
	}
	rounds[0].governed, rounds[1].governed = of(940, 120), of(930, 130)
	if rate, latency := changesOf(rounds, figures[0]), changesOf(rounds, figures[1]); rate.held || latency.held {
		t.Errorf("%+v and %+v should not be held", rate, latency)
	}
	rounds[0].again = of(800, 140) // the load itself varies by more
	if rate, latency := changesOf(rounds, figures[0]), changesOf(rounds, figures[1]); !rate.held || !latency.held {
		t.Errorf("%+v and %+v are within the spread", rate, latency)
	}
}

func TestATreeHasItsFilesAndAHundredthOfThemChanges(t *testing.T) {
	dir := t.TempDir()
	if err := makeTree(dir, 250, 1); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(all) != 250 {
		t.Fatalf("%d files: %v", len(all), err)
	}
	if err := change(dir, 250); err != nil {
		t.Fatal(err)
	}
	grown := 0
	for _, f := range all {
		if info, err := os.Stat(f); err == nil && info.Size() > 1<<20/250 {
			grown++
		}
	}
	if grown != 3 {
		t.Errorf("%d files have changed, want 3", grown)
	}
}
