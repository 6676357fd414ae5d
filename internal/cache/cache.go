// Package cache keeps copies of immutable objects in a local directory, so that they need
// not be fetched again.
//
// Losing the directory costs only time. A file appears there complete, under its final
// name, but is not synced to disk: after a power failure it may hold anything. So the
// caller of Get passes a function that checks the content, and a file that fails the
// check is removed. Any number of processes may use one directory. The directory, or
// anything in it, may be removed at any time.
package cache

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Dir is a cache in a directory, which is created by the first Put. It is safe for
// concurrent use. A nil *Dir stores nothing.
type Dir struct {
	path   string
	limit  int64
	failed func(error)

	mu      sync.Mutex
	written int64 // bytes written since the last Trim
	warned  bool  // failed was called
}

// Open returns the cache in a directory. Its size is limited to about limit bytes: each
// process that uses it may exceed the limit by a sixteenth for a while. failed, unless nil,
// is called the first time that an object can't be written.
func Open(path string, limit int64, failed func(error)) *Dir {
	return &Dir{path: path, limit: limit, failed: failed}
}

// newPrefix begins the names of incomplete files.
const newPrefix = ".new-"

// A file's time of use is updated only if it is older than this, so that reads rarely
// cause writes.
const useGranularity = time.Hour

// Get returns an object if the cache has it and accept returns nil for its bytes. The
// bytes belong to the caller. An object that accept rejects is removed.
func (d *Dir) Get(name string, accept func([]byte) error) ([]byte, bool) {
	if d == nil {
		return nil, false
	}
	path := filepath.Join(d.path, name)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	if accept(b) != nil {
		_ = os.Remove(path)
		return nil, false
	}
	now := time.Now()
	if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()).Abs() > useGranularity {
		_ = os.Chtimes(path, now, now) // if that fails, the file is evicted earlier
	}
	return b, true
}

// Put stores an object, as far as possible: what can't be stored is fetched again later. name must be a file name that does not begin with a dot.
func (d *Dir) Put(name string, object []byte) {
	if d == nil || int64(len(object)) > d.limit/16 {
		return
	}
	if err := d.put(name, object); err != nil {
		d.warn(err)
		return
	}
	d.mu.Lock()
	d.written += int64(len(object))
	due := d.written > d.limit/16
	d.mu.Unlock()
	if due {
		d.Trim()
	}
}

// warn reports the first error of Put.
func (d *Dir) warn(err error) {
	d.mu.Lock()
	first := !d.warned
	d.warned = true
	d.mu.Unlock()
	if first && d.failed != nil {
		d.failed(err)
	}
}

func (d *Dir) put(name string, object []byte) error {
	f, err := os.CreateTemp(d.path, newPrefix+"*")
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(d.path, 0o700); err == nil {
			f, err = os.CreateTemp(d.path, newPrefix+"*")
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(object)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(d.path, name))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// Close trims the cache if Put has written anything since the last Trim.
func (d *Dir) Close() {
	if d == nil {
		return
	}
	d.mu.Lock()
	due := d.written > 0
	d.mu.Unlock()
	if due {
		d.Trim()
	}
}

// Trim removes the least recently used objects until the rest is within the limit. It
// also removes incomplete files of crashed processes that are older than a day.
func (d *Dir) Trim() {
	d.mu.Lock()
	d.written = 0
	d.mu.Unlock()
	type file struct {
		name string
		size int64
		used time.Time
	}
	var files []file
	var total int64
	entries, _ := os.ReadDir(d.path) // as much as can be read
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // removed meanwhile, or not a cache file
		}
		if strings.HasPrefix(e.Name(), newPrefix) {
			if time.Since(info.ModTime()) > 24*time.Hour {
				_ = os.Remove(filepath.Join(d.path, e.Name()))
			}
			continue
		}
		files = append(files, file{e.Name(), info.Size(), info.ModTime()})
		total += info.Size()
	}
	if total <= d.limit {
		return
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.used.Compare(b.used), strings.Compare(a.name, b.name)) })
	for _, f := range files {
		if total <= d.limit {
			return
		}
		if err := os.Remove(filepath.Join(d.path, f.name)); err == nil || errors.Is(err, fs.ErrNotExist) {
			total -= f.size
		}
	}
}
