// Command bench compares qsnap with the backup tools on PATH: restic, borg and
// kopia, on any directory trees, and on any history.
//
//	go run ./internal/test/bench [-runs 3] [-work DIR] [-cold] [-profile] TREE...
//	go run ./internal/test/bench [-runs 3] [-work DIR] [-cold] [-profile] -history VERSION...
//	go run ./internal/test/bench [-runs 3] [-work DIR] [-cold] [-profile] -releases golang.org/x/tools
//
// Each tree is copied first. Then, in each run, every tool in turn, another one first
// each time, makes a new repository, takes a first snapshot, an unchanged one and one
// after a hundredth has changed, restores all and one file, and checks all data. A
// hundredth is a line in every hundredth file or, of a tree of no more than a hundred
// files, bytes inserted into the largest.
//
// Of a history, the versions are laid over one directory, changed files only, and
// every tool takes a snapshot after each. Versions are directories, or the last
// releases of a Go module.
//
// What is printed, as tables in Markdown, are medians, and the ratios to the peers.
// Everything is encrypted. Caches are warm; with -cold the system's caches are dropped
// before each measurement, which takes Linux and root. On Linux all free memory is held
// while nothing is measured, and given up as it is needed. The floors are measured in
// the same run, and so is the distance to them: looking at every file, reading all and
// copying all, with as many goroutines as processors, and four times as many where they
// are cold.
//
// With -profile a second table says where the rest goes: what qsnap's processors do in
// each phase, as perf sees it on Linux, in one more run that isn't measured. Of a
// history that is done for the last snapshot.
//
// What tools and floors write is deleted in the end: some file systems take very long
// to make files when others were deleted in the minutes before (ext4 in the last five,
// so wait that long between two calls there). So -work should have room for some
// copies of each tree for every run and tool. Of a tree of large files, of a mebibyte
// on average, copies are deleted as soon as all tools have made theirs, and on a file
// system in memory as soon as each has; with each run goes all that it made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == holdMemory {
		if err := beHolder(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", holdMemory+":", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.IntVar(&o.runs, "runs", 3, "how often each measurement is made")
	flag.StringVar(&o.work, "work", "", "an existing directory to work in; a temporary one if empty")
	flag.StringVar(&o.only, "tools", "", "tools to compare with, separated by commas; all on PATH if empty")
	flag.BoolVar(&o.cold, "cold", false, "drop the system's caches before each measurement")
	flag.BoolVar(&o.profile, "profile", false, "say what qsnap's processors do in each phase")
	flag.BoolVar(&o.history, "history", false, "the arguments are successive versions of one tree")
	flag.StringVar(&o.releases, "releases", "", "a Go module whose releases are the history")
	flag.IntVar(&o.last, "last", 72, "how many of them")
	flag.Parse()
	if o.trees = flag.Args(); len(o.trees) == 0 && o.releases == "" {
		fmt.Fprintln(os.Stderr, "usage: bench [-runs N] [-work DIR] [-tools LIST] [-cold] [-profile] TREE... | -history VERSION... | -releases MODULE")
		os.Exit(2)
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	runs          int
	work, only    string
	cold, history bool
	profile       bool
	releases      string
	last          int
	trees         []string
	holder        *holder // or nil
	inMemory      bool    // what is written to work is
}

func run(ctx context.Context, o options) (err error) {
	if o.profile {
		if err := canProfile(); err != nil {
			return err
		}
	}
	work, err := os.MkdirTemp(o.work, "qsnap-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if work, err = filepath.Abs(work); err != nil { // some tools run in other directories
		return err
	}
	binary := filepath.Join(work, "qsnap")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/qsnap/qsnap/cmd/qsnap")
	build.Stderr = os.Stderr
	// As it is released: one static binary, whose threads Go alone makes. Only then
	// can a process set the priority of all of them.
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := build.Run(); err != nil {
		return fmt.Errorf("build qsnap: %w", err)
	}
	tools := []tool{qsnapTool(binary)}
	for _, peer := range peers {
		if _, err := exec.LookPath(peer.name); err == nil && (o.only == "" || strings.Contains(","+o.only+",", ","+peer.name+",")) {
			tools = append(tools, peer)
		}
	}
	o.inMemory = inMemory(work)
	if canHold {
		if o.holder, err = startHolder(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, o.holder.stop()) }()
	}
	name := "history"
	if o.releases != "" {
		if o.trees, err = releases(ctx, o.releases, o.last); err != nil {
			return err
		}
		o.history, name = true, fmt.Sprintf("%d releases of %s", len(o.trees), o.releases)
	}
	if o.history {
		b := newBench(ctx, o, filepath.Join(work, "history"), tools)
		if err := b.measureHistory(o.trees); err != nil {
			return err
		}
		b.print(name)
		return nil
	}
	for _, tree := range o.trees {
		b := newBench(ctx, o, filepath.Join(work, "tree-"+filepath.Base(tree)), tools)
		if err := b.measure(tree); err != nil {
			return err
		}
		b.print(filepath.Base(tree))
	}
	return nil
}

// A tool is a backup program as this one drives it. Its functions return command
// lines.
type tool struct {
	name     string
	version  []string
	env      func(repo string) []string
	init     func(repo string) []string
	snapshot func(repo, tree string) []string
	restore  func(repo, tree, out string) []string
	one      func(repo, tree, file, out string) []string
	check    func(repo string) []string
	inOut    bool // restore runs in the directory it restores to
}

func qsnapTool(binary string) tool {
	key := func(repo string) string { return repo + ".key" }
	return tool{
		name:    "qsnap",
		version: []string{binary, "version"},
		env: func(repo string) []string {
			return []string{"QSNAP_REPO=" + repo, "QSNAP_PASSWORD=benchmark", "QSNAP_CACHE_DIR=" + key(repo) + "-cache"}
		},
		init:     func(string) []string { return []string{binary, "init"} },
		snapshot: func(_, tree string) []string { return []string{binary, "snapshot", tree} },
		restore:  func(_, _, out string) []string { return []string{binary, "restore", "latest", "--target", out} },
		one: func(_, _, file, out string) []string {
			return []string{binary, "restore", "latest:" + file, "--target", out}
		},
		check: func(string) []string { return []string{binary, "check", "--read-data"} },
	}
}

var peers = []tool{
	{
		name:    "restic",
		version: []string{"restic", "version"},
		env: func(repo string) []string {
			return []string{"RESTIC_REPOSITORY=" + repo, "RESTIC_PASSWORD=benchmark", "RESTIC_CACHE_DIR=" + repo + "-cache"}
		},
		init:     func(string) []string { return []string{"restic", "init"} },
		snapshot: func(_, tree string) []string { return []string{"restic", "backup", "-q", tree} },
		restore:  func(_, _, out string) []string { return []string{"restic", "restore", "-q", "latest", "--target", out} },
		one: func(_, tree, file, out string) []string {
			return []string{"restic", "restore", "-q", "latest", "--target", out, "--include", filepath.Join(tree, file)}
		},
		check: func(string) []string { return []string{"restic", "check", "-q", "--read-data"} },
	},
	{
		name:    "borg",
		version: []string{"borg", "--version"},
		env: func(repo string) []string {
			return []string{"BORG_REPO=" + repo, "BORG_PASSPHRASE=benchmark", "BORG_BASE_DIR=" + repo + "-base"}
		},
		init:     func(string) []string { return []string{"borg", "init", "-e", "repokey-blake2"} },
		snapshot: func(_, tree string) []string { return []string{"borg", "create", "-C", "zstd,3", "::{now:%f}", tree} },
		restore:  func(repo, _, _ string) []string { return borgExtract("") },
		one:      func(_, tree, file, _ string) []string { return borgExtract(filepath.Join(tree, file)) },
		check:    func(string) []string { return []string{"borg", "check", "--verify-data"} },
		inOut:    true,
	},
	{
		name:    "kopia",
		version: []string{"kopia", "--version"},
		env: func(repo string) []string {
			return []string{"KOPIA_PASSWORD=benchmark", "KOPIA_CONFIG_PATH=" + repo + ".config", "KOPIA_CACHE_DIRECTORY=" + repo + "-cache", "KOPIA_CHECK_FOR_UPDATES=false"}
		},
		init: func(repo string) []string {
			return shell("kopia repository create filesystem --path %s && kopia policy set --global --compression zstd-fastest", repo)
		},
		snapshot: func(_, tree string) []string { return []string{"kopia", "snapshot", "create", tree} },
		restore:  func(_, tree, out string) []string { return shell(kopiaNewest+" %s", tree, out) },
		one: func(_, tree, file, out string) []string {
			return shell(kopiaNewest+"/%s %s", tree, file, filepath.Join(out, filepath.Base(file)))
		},
		check: func(string) []string { return []string{"kopia", "snapshot", "verify", "--verify-files-percent=100"} },
	},
}

const kopiaNewest = `kopia snapshot restore $(kopia snapshot list --json %s | grep -o '"obj":"[^"]*"' | tail -n 1 | cut -d'"' -f4)`

func borgExtract(path string) []string {
	return shell("borg extract ::$(borg list --last 1 --short) %s", strings.TrimPrefix(path, "/"))
}

func shell(format string, args ...any) []string {
	return []string{"sh", "-c", fmt.Sprintf(format, args...)}
}

// environment describes the machine, for the table's head.
func environment() string {
	return fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}
