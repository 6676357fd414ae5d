package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// measureHistory lays versions of a tree over one directory, changed files only, and
// has every tool take a snapshot after each. In the end the last one is restored, and
// all data checked.
func (b *bench) measureHistory(versions []string) error {
	for n := range b.runs {
		fmt.Fprintf(os.Stderr, "%d versions: run %d of %d\n", len(versions), n+1, b.runs)
		if err := b.runHistory(n, versions); err != nil {
			return err
		}
	}
	if b.profiled {
		return b.profileHistory(versions)
	}
	return nil
}

func (b *bench) runHistory(n int, versions []string) error {
	source := filepath.Join(b.dir(n), "source")
	if err := b.initAll(n, b.tools); err != nil {
		return err
	}
	total, most := map[string]float64{}, map[string]float64{}
	var floor float64
	for i, v := range versions {
		if err := overlay(b.ctx, v, source); err != nil {
			return err
		}
		looked, err := b.look(source)
		if err != nil {
			return err
		}
		floor += looked
		for _, t := range b.inTurn(i) {
			used, err := b.exec(t, b.repo(t, n), "", t.snapshot(b.repo(t, n), source))
			if err != nil {
				return err
			}
			total[t.name] += used.seconds
			most[t.name] = max(most[t.name], used.memory)
			if i == len(versions)-1 {
				b.noteSpent(t, last, used)
			}
		}
	}
	if _, err := b.count(source); err != nil {
		return err
	}
	if err := b.measureFloors(n, source); err != nil {
		return err
	}
	b.floors["lstat"][n] = floor
	for _, t := range b.tools {
		b.note(t, history, total[t.name])
		b.note(t, memory, most[t.name])
		if err := b.noteSize(t, n); err != nil {
			return err
		}
		out := b.out(t, restored, n)
		used, err := b.exec(t, b.repo(t, n), out, t.restore(b.repo(t, n), source, out))
		if err != nil {
			return err
		}
		b.note(t, restored, used.seconds)
		if err := b.clear(out); err != nil {
			return err
		}
		if used, err = b.exec(t, b.repo(t, n), "", t.check(b.repo(t, n))); err != nil {
			return err
		}
		b.note(t, checked, used.seconds)
	}
	return b.clear(b.dir(n))
}

// look returns how long it takes to look at every file.
func (b *bench) look(source string) (seconds float64, err error) {
	if err := b.prepare(); err != nil {
		return 0, err
	}
	start := time.Now()
	err = lstatAll(b.ctx, b.hands(), source)
	return time.Since(start).Seconds(), err
}

// overlay makes a directory the same as another, by writing only what differs.
func overlay(ctx context.Context, from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	err := filepath.WalkDir(to, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		there, err := os.Lstat(filepath.Join(from, strings.TrimPrefix(p, to)))
		if err == nil && there.Mode().Type() == d.Type() {
			return nil
		}
		if err := os.RemoveAll(p); err != nil || !d.IsDir() {
			return err
		}
		return filepath.SkipDir
	})
	if err != nil {
		return err
	}
	return parallel(ctx, runtime.GOMAXPROCS(0), from, func(p string, d fs.DirEntry) error {
		target := filepath.Join(to, strings.TrimPrefix(p, from))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if sameFile(p, target) {
			return nil
		}
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return copyEntry(p, target, d)
	})
}

// sameFile reports whether two files have the same bytes.
func sameFile(a, b string) bool {
	x, err1 := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

var release = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+$`)

// releases returns the directories of a module's last releases, the oldest first,
// which the go command fetches where it has to.
func releases(ctx context.Context, module string, last int) ([]string, error) {
	temp, err := os.MkdirTemp("", "qsnap-bench-*") // outside of any module
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	ask := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir, cmd.Stderr = temp, os.Stderr
		return cmd.Output()
	}
	list, err := ask("list", "-m", "-versions", module)
	if err != nil {
		return nil, fmt.Errorf("versions of %s: %w", module, err)
	}
	versions := slices.DeleteFunc(strings.Fields(string(list)), func(v string) bool { return !release.MatchString(v) })
	versions = versions[max(0, len(versions)-last):]
	var dirs []string
	for _, v := range versions {
		answer, err := ask("mod", "download", "-json", module+"@"+v)
		var got struct{ Dir string }
		if err == nil {
			err = json.Unmarshal(answer, &got)
		}
		if err != nil {
			return nil, fmt.Errorf("fetch %s %s: %w", module, v, err)
		}
		dirs = append(dirs, got.Dir)
	}
	return dirs, nil
}
