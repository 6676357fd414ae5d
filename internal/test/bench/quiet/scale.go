package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/qsnap/qsnap/internal/governor"
)

// makeTree makes a tree of files of about the same size, of which about half can be
// compressed away.
func makeTree(dir string, files, mib int) error {
	random := rand.New(rand.NewPCG(uint64(files), uint64(mib)))
	size := max(64, mib<<20/files)
	content := make([]byte, size)
	for n := range files {
		for i := 0; i < size; i += 8 {
			x := random.Uint64()
			for k := 0; k < 8 && i+k < size; k++ {
				content[i+k] = byte(x>>(8*k)) & 0x8f
			}
		}
		if n%100 == 0 {
			if err := os.MkdirAll(filepath.Join(dir, strconv.Itoa(n/100)), 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(fileOf(dir, n), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func fileOf(dir string, n int) string {
	return filepath.Join(dir, strconv.Itoa(n/100), strconv.Itoa(n))
}

// change changes every hundredth file.
func change(dir string, files int) error {
	for n := 0; n < files; n += 100 {
		f, err := os.OpenFile(fileOf(dir, n), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(time.Now().String())
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bytesOfFile is how many bytes a file of the table's trees has.
const bytesOfFile = 2 << 10

func measureScale(ctx context.Context, o options) error {
	fmt.Println("| files | profiles at once | the last one ended after | processors: mean of all | most of one | disk: mean of all | memory: most of one |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, files := range o.files {
		tree := filepath.Join(o.dir, strconv.Itoa(files))
		if err := makeTree(tree, files, max(1, files*bytesOfFile>>20)); err != nil {
			return err
		}
		for _, profiles := range o.profiles {
			if err := measureProfiles(ctx, o, tree, files, profiles); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(tree); err != nil {
			return err
		}
	}
	return nil
}

// measureProfiles measures so many profiles at once, each with a repository of its own.
func measureProfiles(ctx context.Context, o options, tree string, files, profiles int) error {
	at := func(n int) string { return filepath.Join(o.dir, fmt.Sprint("repository-", n)) }
	for n := range profiles {
		defer os.RemoveAll(at(n))
		defer os.RemoveAll(at(n) + "-cache")
		wait, err := start(ctx, o, new(ran), asRun, firstRun, "false", tree, at(n), "0")
		if err == nil {
			err = wait()
		}
		if err != nil {
			return err
		}
	}
	if err := change(tree, files); err != nil {
		return err
	}
	results, waits := make([]ran, profiles), make([]func() error, profiles)
	began := time.Now()
	for n := range profiles {
		var err error
		if waits[n], err = start(ctx, o, &results[n], asRun, hourly, "true", tree, at(n), "0"); err != nil {
			return err
		}
	}
	var cpu, io, mostCPU, memory float64
	for n, wait := range waits {
		if err := wait(); err != nil {
			return err
		}
		c := results[n].Cost
		cpu, io = cpu+c.Seconds, io+float64(c.DiskBytes)/float64(c.Disk)
		mostCPU, memory = max(mostCPU, c.CPU.Max), max(memory, c.Memory.Max)
		if results[n].Files != uint64(files) {
			return fmt.Errorf("a snapshot has %d files, want %d", results[n].Files, files)
		}
	}
	took := time.Since(began).Seconds()
	cpus := governor.Machine()
	fmt.Printf("| %d | %d | %.1f s | %.2f %% | %.2f %% | %.2f %% | %.0f MiB |\n", files, profiles, took,
		100*cpu/took/cpus, 100*mostCPU, 100*io/took, memory/(1<<20))
	return nil
}
