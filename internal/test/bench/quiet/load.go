package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A loaded is what a load has measured.
type loaded struct {
	Disk, Compute operations
}

// operations are those of one kind: how many a second, and the latency in microseconds that
// one in a hundred exceeds.
type operations struct {
	Rate, P99 float64
}

const (
	loadBytes = 128 << 20
	loadBlock = 16 << 10
)

// beLoad loads the machine: DIR SECONDS.
func beLoad(ctx context.Context, args []string) error {
	length, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return err
	}
	f, err := openLoadFile(filepath.Join(args[0], "load"))
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(ctx, seconds(length))
	defer cancel()
	var out loaded
	var diskErr error
	var both sync.WaitGroup
	both.Go(func() { out.Disk, diskErr = measureDisk(ctx, f) })
	both.Go(func() { out.Compute = measureCompute(ctx) })
	both.Wait()
	if diskErr != nil {
		return diskErr
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// measureDisk reads and writes blocks of a file at random.
func measureDisk(ctx context.Context, f *os.File) (operations, error) {
	random := rand.New(rand.NewPCG(1, 1))
	block := alignedBlock(loadBlock)
	for i := range block {
		block[i] = byte(random.Uint32())
	}
	return measure(ctx, func(n int) error {
		at := int64(random.IntN(loadBytes/loadBlock)) * loadBlock
		if n%4 != 0 {
			_, err := f.ReadAt(block, at)
			return err
		}
		if _, err := f.WriteAt(block, at); err != nil {
			return err
		}
		return syncData(f)
	})
}

// measureCompute computes for about half a millisecond at a time.
func measureCompute(ctx context.Context) operations {
	x := uint64(1)
	out, _ := measure(ctx, func(int) error {
		for range 300_000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		return nil
	})
	if x == 0 {
		return operations{}
	}
	return out
}

// measure repeats an operation until the context ends.
func measure(ctx context.Context, do func(n int) error) (operations, error) {
	var took []time.Duration
	start := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		began := time.Now()
		if err := do(n); err != nil {
			return operations{}, err
		}
		took = append(took, time.Since(began))
	}
	rate := float64(len(took)) / time.Since(start).Seconds()
	slices.Sort(took)
	return operations{rate, float64(took[(len(took)*99-1)/100].Microseconds())}, nil
}
