// Command quiet measures what a run of qsnap does to others on the same machine, and whether
// it keeps its budget.
//
//	go run ./internal/test/bench/quiet [-rounds 3] [-seconds 60] [-files 20000] [-mib 512] [-quota 0.5] [-scheduler none] DIR
//	go run ./internal/test/bench/quiet -scale [-files 10000,100000,1000000] [-profiles 1,4,16] DIR
//
// Both work in a new directory in DIR, which should be on a disk.
//
// The first one has a foreground load: one thread that reads and writes at random on the
// disk, past the system's cache, and waits for each write to be durable; and one that
// computes. Both measure each of their operations. In each round the load runs four times:
// alone, beside governed runs, alone again, and beside runs without limits. A run reads a
// whole tree and stores it in a new repository, again and again until the load ends. The
// spread is how much the load alone differs from itself. The governed runs hold their budget
// if the load changes by less than 5 % in what it does and by less than 15 % in the latency
// that one in a hundred of its operations exceeds, or by less than the spread.
//
// With -quota load and runs together get so many processors, by a control group, which takes
// root, and so does -scheduler, which sets how the kernel orders the requests to the disk.
//
// The second one prints how long governed runs take over trees of so many files of which a
// hundredth has changed, and what of the machine they use, for so many profiles at once.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type options struct {
	dir               string
	rounds, seconds   int
	files, profiles   []int
	mib               int
	quota             float64
	scheduler, binary string
}

// The programs that this one starts as itself.
const (
	asLoad = "as-load"
	asRun  = "as-run"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := dispatch(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "quiet:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string) error {
	switch {
	case len(args) > 1 && args[0] == asLoad:
		return beLoad(ctx, args[1:])
	case len(args) > 1 && args[0] == asRun:
		return beRun(ctx, args[1:])
	}
	var o options
	var files, profiles string
	f := flag.NewFlagSet("quiet", flag.ExitOnError)
	scale := f.Bool("scale", false, "measure runs over many files, and several at once")
	f.IntVar(&o.rounds, "rounds", 3, "how often each measurement is made")
	f.IntVar(&o.seconds, "seconds", 60, "how long each takes")
	f.StringVar(&files, "files", "", "how many files the tree has, separated by commas")
	f.StringVar(&profiles, "profiles", "1,4,16", "how many profiles run at once, separated by commas")
	f.IntVar(&o.mib, "mib", 512, "how many MiB the tree has")
	f.Float64Var(&o.quota, "quota", 0, "how many processors load and runs get together; 0 is all")
	f.StringVar(&o.scheduler, "scheduler", "", "how the kernel orders requests to the disk: none, mq-deadline and the like")
	_ = f.Parse(args)
	if f.NArg() != 1 {
		return fmt.Errorf("name one directory to work in")
	}
	if files == "" {
		files = map[bool]string{true: "10000,100000,1000000", false: "20000"}[*scale]
	}
	var err error
	if o.files, err = numbers(files); err != nil {
		return err
	}
	if o.profiles, err = numbers(profiles); err != nil {
		return err
	}
	if o.binary, err = os.Executable(); err != nil {
		return err
	}
	if o.dir, err = os.MkdirTemp(f.Arg(0), "qsnap-quiet-*"); err != nil {
		return err
	}
	defer os.RemoveAll(o.dir)
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	if *scale {
		return measureScale(ctx, o)
	}
	restore, err := prepareMachine(o)
	if err != nil {
		return err
	}
	defer restore()
	return measureLoad(ctx, o)
}

func numbers(list string) (out []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of at least 1", text)
		}
		out = append(out, n)
	}
	return out, nil
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
