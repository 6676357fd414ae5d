//go:build scale && linux

package scale

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// firstSnapshot takes the first snapshot of a tree, on so many processors.
func firstSnapshot(t *testing.T, p program, tree string, processors int) usage {
	t.Helper()
	if err := os.RemoveAll(p.repo); err != nil {
		t.Fatal(err)
	}
	p.dropCache(t)
	p.env = append(p.env[:len(p.env):len(p.env)], fmt.Sprintf("GOMAXPROCS=%d", processors))
	p.run(t, "init")
	used := p.run(t, "snapshot", tree)
	t.Logf("on %d processors: %v, %v of processors, %d MiB resident", processors, used.clock, used.processor, used.memory>>20)
	return used
}

// processorsToHave returns how many of two processors others leave to a process that
// wants both.
func processorsToHave() float64 {
	const while = 200 * time.Millisecond
	start, used := time.Now(), processorTime()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for time.Since(start) < while {
			}
		})
	}
	both.Wait()
	return (processorTime() - used).Seconds() / time.Since(start).Seconds()
}

// TestOneHugeFileKeepsTwoProcessorsBusy takes a file that nothing makes smaller, so that
// all of it is cut, named, sealed and stored.
func TestOneHugeFileKeepsTwoProcessorsBusy(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Fatal("this takes two processors")
	}
	p, tree := newProgram(t), t.TempDir()
	makeRandomFile(t, filepath.Join(tree, "huge"), 1<<30)
	firstSnapshot(t, p, tree, 1)
	const tries = 5 // what others do changes meanwhile
	for try := 1; ; try++ {
		before := processorsToHave()
		used := firstSnapshot(t, p, tree, 2)
		there := (before + processorsToHave()) / 2
		atMost(t, "MiB resident", used.memory>>20, most)
		busy := used.processor.Seconds() / used.clock.Seconds()
		t.Logf("%.2f processors are busy of %.2f that are there", busy, there)
		if busy >= 0.8*there {
			return
		}
		if try == tries {
			t.Fatalf("%.2f processors are busy of %.2f that are there, fewer than four fifths", busy, there)
		}
	}
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
