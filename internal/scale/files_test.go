//go:build scale && linux

package scale

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// makeFiles makes a tree of small files, that many in each directory.
func makeFiles(t *testing.T, dir string, files, each int) {
	t.Helper()
	var below string
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
}

// filesCost snapshots a tree twice and restores it.
func filesCost(t *testing.T, tree string, files int) (steps [3]usage) {
	p := newProgram(t)
	steps[0] = p.run(t, "snapshot", tree)
	steps[1] = p.run(t, "snapshot", tree)
	steps[2] = p.run(t, "restore", "latest", "--target", filepath.Join(t.TempDir(), "out"))
	for i, name := range stepNames {
		t.Logf("%7d files: %-16s %v, %v of processors, %v for a file, %d MiB resident", files, name,
			steps[i].clock, steps[i].processor, steps[i].processor/time.Duration(files), steps[i].memory>>20)
	}
	return steps
}

var stepNames = [3]string{"a snapshot", "another", "a restore"}

const (
	fewFiles  = 10_000
	manyFiles = 1_000_000
	most      = 300 // MiB resident
)

// costIsFlat compares a tree of a million files with a small one. Both are made before:
// files that were made at the time of a snapshot are read again by the next.
func costIsFlat(t *testing.T, eachOfFew, eachOfMany int) {
	dir := t.TempDir()
	makeFiles(t, filepath.Join(dir, "few"), fewFiles, eachOfFew)
	makeFiles(t, filepath.Join(dir, "many"), manyFiles, eachOfMany)
	few, many := filesCost(t, filepath.Join(dir, "few"), fewFiles), filesCost(t, filepath.Join(dir, "many"), manyFiles)
	for i, step := range stepNames {
		atMost(t, step+": MiB resident", many[i].memory>>20, most)
		atMost(t, step+": each of a million files, against ten thousand", growth(few[i].processor, fewFiles, many[i].processor, manyFiles), 1.5)
	}
}

func TestTheCostOfAFileIsTheSameInATreeOfAMillion(t *testing.T) { costIsFlat(t, 100, 100) }

func TestTheCostOfAFileIsTheSameInADirectoryOfAMillion(t *testing.T) {
	costIsFlat(t, fewFiles, manyFiles)
}
