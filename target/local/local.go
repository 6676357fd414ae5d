// Package local stores a repository's objects as files below a directory.
//
// An object is written to a file without a name (O_TMPFILE), or, on file systems without
// such files, to a locked file below tmp/. The file is synced and linked to its final
// name, which fails if that name exists. Then the directory is synced. After a crash, the
// next writer removes the files below tmp/ that nobody has locked.
//
// The file system must offer hard links or renaming without replacement (all usual ones
// of Linux, macOS and Windows do, as do NFS 3 and later), and must keep what fsync
// reported as durable.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/qsnap/qsnap/internal/pagecache"
	"github.com/qsnap/qsnap/target"
)

// A Target is a directory. It implements target.Target, target.Stager, target.SpaceReporter
// and target.CacheSparer.
type Target struct {
	dir   string
	clean sync.Once // removes leftovers below tmp/
	spare bool      // see SpareCache
}

const tmpDir = "tmp"

// Open returns the target in an existing directory.
func Open(dir string) (*Target, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: abs, Err: errors.New("not a directory")}
	}
	return &Target{dir: abs}, nil
}

// SpareCache implements target.CacheSparer.
func (t *Target) SpareCache() { t.spare = true }

// Create returns the target in a directory. It creates the directory and its parents if
// needed.
func Create(dir string) (*Target, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := makeDirs(abs, ""); err != nil {
		return nil, err
	}
	return Open(abs)
}

// Dir returns the absolute path of the directory.
func (t *Target) Dir() string { return t.dir }

// String returns the directory, for messages.
func (t *Target) String() string { return t.dir }

func (t *Target) path(name string) (string, error) {
	if err := target.ValidName(name); err != nil {
		return "", err
	}
	if name == tmpDir || strings.HasPrefix(name, tmpDir+"/") {
		return "", fmt.Errorf("object name %q: %s is reserved", name, tmpDir)
	}
	return filepath.Join(t.dir, filepath.FromSlash(name)), nil
}

// Put implements target.Target.
func (t *Target) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	path, err := t.path(name)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil { // avoids writing it
		return &fs.PathError{Op: "put", Path: path, Err: fs.ErrExist}
	}
	f, err := t.temporary()
	if err != nil {
		return err
	}
	defer f.discard()
	if err := fill(ctx, f.File, body, size); err != nil {
		return fmt.Errorf("put %s: %w", path, err)
	}
	return t.publish(f, path)
}

// publish makes a complete file durable under its name.
func (t *Target) publish(f *temporary, path string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if t.spare {
		pagecache.Drop(f.Fd(), 0, 0)
	}
	err := f.publish(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeDirs(filepath.Dir(path), t.dir); err == nil {
			err = f.publish(path)
		}
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// fill writes the whole body.
func fill(ctx context.Context, f *os.File, body io.ReaderAt, size int64) error {
	buf := make([]byte, min(size, 1<<20))
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		piece := buf[:min(size-off, int64(len(buf)))]
		if n, err := body.ReadAt(piece, off); n < len(piece) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if _, err := f.Write(piece); err != nil {
			return err
		}
		off += int64(len(piece))
	}
	return nil
}

// Get implements target.Target.
func (t *Target) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = &fs.PathError{Op: "get", Path: path, Err: errors.New("not a file")}
	case off < 0 || off > info.Size() || n > info.Size()-off:
		err = &fs.PathError{Op: "get", Path: path, Err: fmt.Errorf("%d bytes at %d: %w of %d bytes", n, off, io.ErrUnexpectedEOF, info.Size())}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if n < 0 {
		n = info.Size() - off
	}
	cold := t.spare && !pagecache.Holds(f.Fd(), off, n)
	return &section{io.NewSectionReader(f, off, n), ctx, n, f, cold}, nil
}

// A section reads a range of a file, which must not end early.
type section struct {
	r    *io.SectionReader
	ctx  context.Context
	left int64
	f    *os.File
	cold bool // Close drops what was read from the page cache
}

func (s *section) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	s.left -= int64(n)
	if err == io.EOF && s.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (s *section) Close() error {
	if s.cold {
		_, off, n := s.r.Outer()
		pagecache.Drop(s.f.Fd(), off, n)
	}
	return s.f.Close()
}

// Stat implements target.Target.
func (t *Target) Stat(ctx context.Context, name string) (target.Info, error) {
	path, err := t.path(name)
	if err != nil {
		return target.Info{}, err
	}
	if err := ctx.Err(); err != nil {
		return target.Info{}, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return target.Info{}, err
	}
	if !info.Mode().IsRegular() {
		return target.Info{}, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
	}
	return target.Info{Name: name, Size: info.Size()}, nil
}

// List implements target.Target.
func (t *Target) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		if err := target.ValidPrefix(prefix); err != nil {
			yield(target.Info{}, err)
			return
		}
		if _, err := os.Lstat(t.dir); err != nil { // otherwise a vanished target would look empty
			yield(target.Info{}, err)
			return
		}
		t.list(ctx, strings.TrimSuffix(prefix, "/"), yield)
	}
}

// list yields the objects below the directory of that name, and reports whether to
// continue.
func (t *Target) list(ctx context.Context, name string, yield func(target.Info, error) bool) bool {
	entries, err := os.ReadDir(filepath.Join(t.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return true
	}
	if err != nil {
		return yield(target.Info{}, err) && false
	}
	sortAsNames(entries)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return yield(target.Info{}, err) && false
		}
		child := e.Name()
		if name != "" {
			child = name + "/" + child
		}
		if target.ValidName(child) != nil || child == tmpDir {
			continue
		}
		if e.IsDir() {
			if !t.list(ctx, child, yield) {
				return false
			}
			continue
		}
		info, err := e.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
			continue
		case err != nil:
			return yield(target.Info{}, err) && false
		case !info.Mode().IsRegular():
			continue
		}
		if !yield(target.Info{Name: child, Size: info.Size()}, nil) {
			return false
		}
	}
	return true
}

// Delete implements target.Target.
func (t *Target) Delete(ctx context.Context, name string) error {
	path, err := t.path(name)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// makeDirs makes a directory and its parents durable, and creates them if needed. It
// doesn't create base: a disk that was unmounted must not come back as an empty
// directory.
func makeDirs(dir, base string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) && dir != base && filepath.Dir(dir) != base {
		if err := makeDirs(filepath.Dir(dir), base); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}
