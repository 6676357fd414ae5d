package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A phase is something that is measured of each tool.
type phase string

const (
	first     phase = "first snapshot"
	unchanged phase = "unchanged"
	changed   phase = "1 % changed"
	restored  phase = "restore"
	one       phase = "one file"
	checked   phase = "check, all data"
	size      phase = "repository"
	memory    phase = "peak memory of it"
	history   phase = "all snapshots"
	last      phase = "last snapshot" // only profiled
)

var phases = []phase{first, unchanged, changed, history, last, restored, one, checked, size, memory}

type bench struct {
	ctx      context.Context
	work     string
	runs     int
	cold     bool // drop the system's caches before each measurement
	profiled bool
	holder   *holder // or nil
	inMemory bool    // what is written to work is
	tools    []tool  // qsnap first

	files, bytes int64
	results      map[string]map[phase][]float64 // by tool; seconds, or bytes
	floors       map[string][]float64
	spent        map[phase][]usage // by qsnap
	profiles     map[phase]samples
}

// newBench returns a bench that works in a directory that it makes in an existing one.
func newBench(ctx context.Context, o options, work string, tools []tool) *bench {
	b := &bench{
		ctx: ctx, work: work, runs: o.runs, cold: o.cold, profiled: o.profile, holder: o.holder, inMemory: o.inMemory,
		tools:   tools,
		results: map[string]map[phase][]float64{}, floors: map[string][]float64{},
		spent: map[phase][]usage{}, profiles: map[phase]samples{},
	}
	for _, t := range tools {
		b.results[t.name] = map[phase][]float64{}
	}
	return b
}

// measure does all runs on a copy of a tree.
func (b *bench) measure(tree string) error {
	source := filepath.Join(b.work, "source")
	if err := copyTree(b.ctx, b.hands(), tree, source); err != nil {
		return err
	}
	paths, err := b.count(source)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return errors.New("no files in " + tree)
	}
	for n := range b.runs {
		fmt.Fprintf(os.Stderr, "%s: run %d of %d\n", tree, n+1, b.runs)
		if err := b.run(n, source, paths); err != nil {
			return err
		}
	}
	if b.profiled {
		return b.profileSteps(source, paths)
	}
	return nil
}

// count counts the files of a tree and their bytes, and returns their paths.
func (b *bench) count(tree string) (paths []string, err error) {
	b.files, b.bytes = 0, 0
	err = filepath.WalkDir(tree, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			paths = append(paths, p)
			b.files++
			b.bytes += info.Size()
		}
		return err
	})
	return paths, err
}

// dir is where all is that a run makes.
func (b *bench) dir(run int) string { return filepath.Join(b.work, fmt.Sprintf("run-%d", run)) }

func (b *bench) repo(t tool, run int) string { return filepath.Join(b.dir(run), t.name) }

// out is where a tool restores to in a phase.
func (b *bench) out(t tool, p phase, run int) string {
	return filepath.Join(b.dir(run), "out-"+t.name+"-"+strings.ReplaceAll(string(p), " ", "-"))
}

// initAll has tools make a repository each.
func (b *bench) initAll(run int, tools []tool) error {
	if err := os.MkdirAll(b.dir(run), 0o755); err != nil {
		return err
	}
	for _, t := range tools {
		if _, err := b.exec(t, b.repo(t, run), "", t.init(b.repo(t, run))); err != nil {
			return err
		}
	}
	return nil
}

// note notes what a phase of a tool took.
func (b *bench) note(t tool, p phase, v float64) {
	b.results[t.name][p] = append(b.results[t.name][p], v)
}

// noteSpent notes what processors did in a phase of qsnap.
func (b *bench) noteSpent(t tool, p phase, u usage) {
	if t.name == b.tools[0].name {
		b.spent[p] = append(b.spent[p], u)
	}
}

// noteSize notes the size of a tool's repository.
func (b *bench) noteSize(t tool, run int) error {
	total, err := treeSize(b.repo(t, run))
	if err == nil {
		b.note(t, size, float64(total))
	}
	return err
}

// A step is a phase of a run, and how a tool goes through it.
type step struct {
	phase   phase
	before  func() error                             // nil if there is nothing to do
	command func(t tool) (out string, args []string) // out is a directory that is written, if any
}

func (b *bench) steps(n int, source string, paths []string) []step {
	file, _ := filepath.Rel(source, paths[len(paths)/2])
	snapshot := func(t tool) (string, []string) { return "", t.snapshot(b.repo(t, n), source) }
	return []step{
		{first, nil, snapshot},
		{unchanged, nil, snapshot},
		{changed, func() error { return b.change(paths, n) }, snapshot},
		{restored, nil, func(t tool) (string, []string) {
			out := b.out(t, restored, n)
			return out, t.restore(b.repo(t, n), source, out)
		}},
		{one, nil, func(t tool) (string, []string) {
			out := b.out(t, one, n)
			return out, t.one(b.repo(t, n), source, file, out)
		}},
		{checked, nil, func(t tool) (string, []string) { return "", t.check(b.repo(t, n)) }},
	}
}

// run measures every tool once.
func (b *bench) run(n int, source string, paths []string) error {
	if err := b.measureFloors(n, source); err != nil {
		return err
	}
	if err := b.initAll(n, b.tools); err != nil {
		return err
	}
	for _, step := range b.steps(n, source, paths) {
		if step.before != nil {
			if err := step.before(); err != nil {
				return err
			}
		}
		var outs []string
		for _, t := range b.inTurn(n) {
			out, err := b.measureStep(n, t, step)
			if err == nil && b.inMemory {
				err = b.clear(out) // so that every tool finds the same memory free
			}
			if err != nil {
				return err
			}
			outs = append(outs, out)
		}
		if err := b.clear(outs...); err != nil {
			return err
		}
	}
	return b.clear(b.dir(n))
}

// inTurn returns the tools, each of them first in another run: what one leaves behind,
// in caches and in memory, is the next one's luck.
func (b *bench) inTurn(run int) []tool {
	k := run % len(b.tools)
	return slices.Concat(b.tools[k:], b.tools[:k])
}

// measureStep notes what a step takes a tool, and returns the directory that it wrote,
// if any.
func (b *bench) measureStep(n int, t tool, s step) (out string, err error) {
	out, args := s.command(t)
	used, err := b.exec(t, b.repo(t, n), out, args)
	if err != nil {
		return out, err
	}
	b.note(t, s.phase, used.seconds)
	b.noteSpent(t, s.phase, used)
	if s.phase == first {
		b.note(t, memory, used.memory)
		err = b.noteSize(t, n)
	}
	return out, err
}

type usage struct {
	seconds, processors float64 // processors: the sum of their seconds
	memory              float64
}

// exec runs a command of a tool, in a directory if one is named.
func (b *bench) exec(t tool, repo, dir string, args []string) (usage, error) {
	cmd := exec.CommandContext(b.ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), t.env(repo)...)
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return usage{}, err
		}
		if t.inOut {
			cmd.Dir = dir
		}
	}
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &output
	if err := b.prepare(); err != nil {
		return usage{}, err
	}
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, output.String())
	}
	state := cmd.ProcessState
	return usage{took.Seconds(), (state.UserTime() + state.SystemTime()).Seconds(), peakMemory(state)}, nil
}

func treeSize(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
