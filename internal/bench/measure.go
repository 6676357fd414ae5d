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
	memory    phase = "peak memory, first"
)

var phases = []phase{first, unchanged, changed, restored, one, checked, size, memory}

type bench struct {
	ctx   context.Context
	work  string
	runs  int
	tools []tool

	files, bytes int64
	results      map[string]map[phase][]float64 // by tool; seconds, or bytes
	floors       map[string][]float64
}

// measure does all runs on a copy of a tree.
func (b *bench) measure(tree string) error {
	b.results, b.floors = map[string]map[phase][]float64{}, map[string][]float64{}
	for _, t := range b.tools {
		b.results[t.name] = map[phase][]float64{}
	}
	source := filepath.Join(b.work, "source")
	if err := os.MkdirAll(b.work, 0o755); err != nil {
		return err
	}
	if err := copyTree(b.ctx, tree, source); err != nil {
		return err
	}
	var paths []string
	err := filepath.WalkDir(source, func(p string, d fs.DirEntry, err error) error {
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
	return nil
}

// run measures every tool once.
func (b *bench) run(n int, source string, paths []string) error {
	if err := b.measureFloors(n, source); err != nil {
		return err
	}
	repo := func(t tool) string { return filepath.Join(b.work, fmt.Sprintf("%s-%d", t.name, n)) }
	out := func(t tool, what string) string {
		return filepath.Join(b.work, fmt.Sprintf("out-%s-%s-%d", t.name, what, n))
	}
	for _, t := range b.tools {
		if _, err := b.exec(t, repo(t), "", t.init(repo(t))); err != nil {
			return err
		}
	}
	for _, step := range []struct {
		phase   phase
		before  func() error
		command func(t tool) (dir string, args []string)
	}{
		{first, nil, func(t tool) (string, []string) { return "", t.snapshot(repo(t), source) }},
		{unchanged, nil, func(t tool) (string, []string) { return "", t.snapshot(repo(t), source) }},
		{changed, func() error { return changeSome(paths, n) }, func(t tool) (string, []string) { return "", t.snapshot(repo(t), source) }},
		{restored, nil, func(t tool) (string, []string) { return out(t, "all"), t.restore(repo(t), source, out(t, "all")) }},
		{one, nil, func(t tool) (string, []string) {
			file, _ := filepath.Rel(source, paths[len(paths)/2])
			return out(t, "one"), t.one(repo(t), source, file, out(t, "one"))
		}},
		{checked, nil, func(t tool) (string, []string) { return "", t.check(repo(t)) }},
	} {
		if step.before != nil {
			if err := step.before(); err != nil {
				return err
			}
		}
		for _, t := range b.tools {
			dir, args := step.command(t)
			used, err := b.exec(t, repo(t), dir, args)
			if err != nil {
				return err
			}
			r := b.results[t.name]
			r[step.phase] = append(r[step.phase], used.seconds)
			if step.phase == first {
				total, err := treeSize(repo(t))
				if err != nil {
					return err
				}
				r[size] = append(r[size], float64(total))
				r[memory] = append(r[memory], used.memory)
			}
		}
	}
	return nil
}

type usage struct{ seconds, memory float64 }

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
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, output.String())
	}
	return usage{took.Seconds(), peakMemory(cmd.ProcessState)}, nil
}

// changeSome appends a line to every hundredth file.
func changeSome(paths []string, run int) error {
	for i := run; i < len(paths); i += 100 {
		f, err := os.OpenFile(paths[i], os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(f, "changed in run %d\n", run)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
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

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// print prints the table.
func (b *bench) print(tree string) {
	fmt.Printf("\n%s: %d files, %.1f MB (%s; medians of %d)\n\n", filepath.Base(tree), b.files, float64(b.bytes)/1e6, environment(), b.runs)
	head, line := "| |", "|---|"
	for _, t := range b.tools {
		head += " " + t.name + " |"
		line += "---|"
	}
	if len(b.tools) > 1 {
		head += " qsnap / " + b.tools[1].name + " |"
		line += "---|"
	}
	fmt.Println(head)
	fmt.Println(line)
	for _, p := range phases {
		row := "| " + string(p) + " |"
		for _, t := range b.tools {
			row += " " + format(p, median(b.results[t.name][p])) + " |"
		}
		if len(b.tools) > 1 {
			row += fmt.Sprintf(" %.2f |", median(b.results[b.tools[0].name][p])/median(b.results[b.tools[1].name][p]))
		}
		fmt.Println(row)
	}
	fmt.Printf("\nFloors: look at every file %.2f s, read all %.2f s, copy all %.2f s.\n",
		median(b.floors["lstat"]), median(b.floors["read"]), median(b.floors["copy"]))
	for _, t := range b.tools {
		if v, err := exec.Command(t.version[0], t.version[1:]...).Output(); err == nil {
			fmt.Printf("%s", v)
		}
	}
}

func format(p phase, v float64) string {
	if p == size || p == memory {
		return fmt.Sprintf("%.1f MB", v/1e6)
	}
	return fmt.Sprintf("%.2f s", v)
}
