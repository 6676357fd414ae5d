//go:build scale && linux

package scale

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// A machine that does other things, too, takes longer now and then, never less.
const runsToBest = 3

// bestOfFirst returns the shortest of some first snapshots of a tree, on so many
// processors.
func bestOfFirst(t *testing.T, p program, tree string, processors int) (best usage) {
	t.Helper()
	for range runsToBest {
		if err := os.RemoveAll(p.repo); err != nil {
			t.Fatal(err)
		}
		p.dropCache(t)
		p.env = append(p.env[:len(p.env):len(p.env)], fmt.Sprintf("GOMAXPROCS=%d", processors))
		p.run(t, "init")
		used := p.run(t, "snapshot", tree)
		t.Logf("on %d processors: %v, %v of processors, %d MiB resident", processors, used.clock, used.processor, used.memory>>20)
		if best.clock == 0 || used.clock < best.clock {
			best = used
		}
	}
	return best
}

// TestOneHugeFileKeepsTwoProcessorsBusy takes a file that nothing makes smaller, so that
// all of it is cut, named, sealed and stored.
func TestOneHugeFileKeepsTwoProcessorsBusy(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Fatal("this takes two processors")
	}
	p, tree := newProgram(t), t.TempDir()
	makeRandomFile(t, filepath.Join(tree, "huge"), 1<<30)
	one, two := bestOfFirst(t, p, tree, 1), bestOfFirst(t, p, tree, 2)
	busy := two.processor.Seconds() / two.clock.Seconds()
	share := two.clock.Seconds() / one.clock.Seconds()
	t.Logf("%.2f processors are busy; two take %.2f of the time that one does", busy, share)
	atLeast(t, "processors that are busy, of two", busy, 1.6)
	atMost(t, "the time on two processors, against one", share, 0.65)
	atMost(t, "MiB resident", two.memory>>20, most)
}

func makeRandomFile(t *testing.T, name string, size int) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	random, data := rand.NewChaCha8([32]byte{1}), make([]byte, 1<<20)
	for range size / len(data) {
		random.Read(data)
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
	}
}
