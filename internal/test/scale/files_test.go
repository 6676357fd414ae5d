//go:build scale && linux

package scale

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// makeFiles makes a tree of small files, that many in each directory, and returns what
// that takes.
func makeFiles(t *testing.T, dir string, files, each int) time.Duration {
	t.Helper()
	var below string
	start := processorTime()
	for i := range files {
		if i%each == 0 {
			below = filepath.Join(dir, fmt.Sprintf("%03d", i/each/100), fmt.Sprintf("%02d", i/each%100))
			if err := os.MkdirAll(below, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		name := filepath.Join(below, fmt.Sprintf("file%07d.txt", i))
		if err := os.WriteFile(name, fmt.Appendf(nil, "file number %d, which a test has made\n", i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return processorTime() - start
}

const restore = "a restore"

// filesCost snapshots a tree twice and restores it, as far as the names of steps say.
func filesCost(t *testing.T, tree string, files int, steps []string) (used []usage) {
	p := newProgram(t)
	commands := [][]string{{"snapshot", tree}, {"snapshot", tree}, {"restore", "latest", "--target", filepath.Join(t.TempDir(), "out")}}
	for i, step := range steps {
		u := p.run(t, commands[i]...)
		t.Logf("%7d files: %-16s %v, %v of processors, %v for a file, %d MiB resident",
			files, step, u.clock, u.processor, u.processor/time.Duration(files), u.memory>>20)
		used = append(used, u)
	}
	return used
}

const (
	fewFiles  = 10_000
	manyFiles = 1_000_000
	most      = 300 // MiB resident
)

// costIsFlat compares a tree of a million files with a small one. Both are made before:
// files that were made at the time of a snapshot are read again by the next.
func costIsFlat(t *testing.T, eachOfFew, eachOfMany int, steps ...string) {
	dir := t.TempDir()
	making := growth(makeFiles(t, filepath.Join(dir, "few"), fewFiles, eachOfFew), fewFiles,
		makeFiles(t, filepath.Join(dir, "many"), manyFiles, eachOfMany), manyFiles)
	few := filesCost(t, filepath.Join(dir, "few"), fewFiles, steps)
	many := filesCost(t, filepath.Join(dir, "many"), manyFiles, steps)
	for i, step := range steps {
		atMost(t, step+": MiB resident", many[i].memory>>20, most)
		limit := 1.5
		if step == restore { // most of which is the system's making of files
			t.Logf("making each of a million files takes %.2f times as long as each of ten thousand", making)
			limit *= max(1, making)
		}
		atMost(t, step+": each of a million files, against ten thousand", growth(few[i].processor, fewFiles, many[i].processor, manyFiles), limit)
	}
}

func TestTheCostOfAFileIsTheSameInATreeOfAMillion(t *testing.T) {
	costIsFlat(t, 100, 100, "a snapshot", "another", restore)
}

func TestTheCostOfAFileIsTheSameInADirectoryOfAMillion(t *testing.T) {
	costIsFlat(t, fewFiles, manyFiles, "a snapshot", "another")
}
