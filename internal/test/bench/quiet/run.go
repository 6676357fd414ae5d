package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/qsnap/qsnap/internal/governor"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/report"
)

// A ran is what runs took.
type ran struct {
	Runs    int
	Files   uint64
	Seconds float64
	Cost    report.RunCost
}

// What a run does.
const (
	freshly  = "freshly" // stores the whole tree in a new repository, until it is stopped
	firstRun = "first"   // stores the whole tree, once
	hourly   = "hourly"  // compares with the version before, once
)

// beRun is what a scheduled run of qsnap does: WHAT LIMITED TREE REPOSITORY SECONDS.
func beRun(ctx context.Context, args []string) error {
	what, tree, at := args[0], args[2], args[3]
	limits, start := governor.Limits{Mode: governor.Off}, time.Now()
	if args[1] == "true" {
		limits = governor.DefaultLimits
	}
	length, err := strconv.ParseFloat(args[4], 64)
	if err != nil {
		return err
	}
	share := governor.OpenShare(governor.HostShare, filepath.Join(filepath.Dir(at), "budget"), rand.Reader)
	defer share.Close()
	g, err := governor.Start(governor.Config{Limits: governor.Constant(limits), Memory: governor.DefaultMemory, Share: share})
	if err != nil {
		return err
	}
	sizes := governor.Sizes{}
	if limits.Mode != governor.Off {
		sizes = governor.SizesFor(limits, governor.DefaultMemory)
		governor.Lower(governor.Lowering{Memory: sizes.Memory, Procs: sizes.Procs})
	}
	o := repo.Options{CacheDir: at + "-cache", CacheMemory: sizes.CacheMemory, Pace: g, SpareCache: limits.Mode != governor.Off}
	var out ran
	if what == freshly {
		limited, cancel := context.WithTimeout(ctx, seconds(length))
		defer cancel()
		for limited.Err() == nil {
			dir := fmt.Sprint(at, "-", out.Runs)
			if m, err := snapshot(limited, dir, tree, o, sizes.Workers, true); err == nil {
				out.Files += m
			} else if limited.Err() == nil {
				return err
			}
			out.Runs++
			_ = os.RemoveAll(dir)
		}
	} else {
		out.Runs = 1
		if out.Files, err = snapshot(ctx, at, tree, o, sizes.Workers, what == firstRun); err != nil {
			return err
		}
	}
	out.Cost, out.Seconds = g.Stop(), time.Since(start).Seconds()
	return json.NewEncoder(os.Stdout).Encode(out)
}

// snapshot takes a snapshot, in a new repository or in one that is there, and returns how many
// files it has. The key lies beside the repository.
func snapshot(ctx context.Context, at, tree string, o repo.Options, workers int, fresh bool) (files uint64, err error) {
	c, key := connect.Config{Location: connect.Directory(at)}, connect.Secret{DefaultKeyFile: at + ".key"}
	var r *connect.Repo
	if fresh {
		text, err := repo.NewKey()
		if err == nil {
			err = os.WriteFile(key.DefaultKeyFile, []byte(text), 0o600)
		}
		if err != nil {
			return 0, err
		}
		if r, err = connect.Init(ctx, c, key, repo.InitOptions{Options: o}); err != nil {
			return 0, err
		}
	} else if r, err = connect.Open(ctx, c, key, o); err != nil {
		return 0, err
	}
	defer r.Close()
	m, err := r.Snapshot(ctx, repo.Paths(tree), repo.SnapshotOptions{Workers: workers})
	if err != nil {
		return 0, err
	}
	return m.Stats.Files, nil
}

// start starts this program as a load or a run, and returns what waits for what it prints.
func start(ctx context.Context, o options, out any, args ...string) (wait func() error, err error) {
	cmd := exec.CommandContext(ctx, o.binary, args...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error {
		decoded := json.NewDecoder(pipe).Decode(out)
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return decoded
	}, nil
}
