package main

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// measureFloors measures what no tool can be faster than.
func (b *bench) measureFloors(run int, source string) error {
	out := filepath.Join(b.dir(run), "copy")
	for _, floor := range []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"lstat", func(ctx context.Context) error { return lstatAll(ctx, b.hands(), source) }},
		{"read", func(ctx context.Context) error {
			return parallel(ctx, b.hands(), source, func(p string, d fs.DirEntry) error {
				if !d.Type().IsRegular() {
					return nil
				}
				return readFile(p, io.Discard)
			})
		}},
		{"copy", func(ctx context.Context) error { return copyTree(ctx, b.hands(), source, out) }},
	} {
		if err := b.prepare(); err != nil {
			return err
		}
		start := time.Now()
		if err := floor.do(b.ctx); err != nil {
			return err
		}
		b.floors[floor.name] = append(b.floors[floor.name], time.Since(start).Seconds())
	}
	return b.clear(out)
}

// hands is how many goroutines a floor has: as many as processors or, where they wait
// for a disk, some more.
func (b *bench) hands() int {
	if b.cold {
		return 4 * runtime.GOMAXPROCS(0)
	}
	return runtime.GOMAXPROCS(0)
}

func lstatAll(ctx context.Context, hands int, dir string) error {
	return parallel(ctx, hands, dir, func(p string, _ fs.DirEntry) error {
		_, err := os.Lstat(p)
		return err
	})
}

// parallel calls f for each name below a directory, of several directories at once.
func parallel(ctx context.Context, hands int, dir string, f func(path string, d fs.DirEntry) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(hands)
	var visit func(dir string) error
	visit = func(dir string) error {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			p := filepath.Join(dir, e.Name())
			if err := f(p, e); err != nil {
				return err
			}
			if e.IsDir() && !g.TryGo(func() error { return visit(p) }) {
				if err := visit(p); err != nil {
					return err
				}
			}
		}
		return nil
	}
	g.Go(func() error { return visit(dir) })
	return g.Wait()
}

// Making a buffer would take longer than to read most files.
var buffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

func readFile(p string, w io.Writer) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := buffers.Get().(*[128 << 10]byte)
	defer buffers.Put(buf)
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{f}, buf[:]) // by no way of their own
	return err
}

// copyTree copies files, directories and symbolic links, and modification times.
func copyTree(ctx context.Context, hands int, from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return parallel(ctx, hands, from, func(p string, d fs.DirEntry) error {
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		return copyEntry(p, target, d)
	})
}

// copyEntry copies what is no directory.
func copyEntry(from, to string, d fs.DirEntry) error {
	switch {
	case d.Type()&fs.ModeSymlink != 0:
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(link, to)
	case !d.Type().IsRegular():
		return nil
	}
	return copyFile(from, to)
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	if err := readFile(from, f); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Chtimes(to, time.Time{}, info.ModTime())
}
