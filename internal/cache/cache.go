// Package cache keeps copies of immutable objects in a local directory, so that
// they needn't be fetched again.
//
// Whatever happens to the directory costs time only. A file appears there whole,
// under its final name, but isn't forced to disk: after a power failure it may hold
// anything. So who gets an object says how to tell that it is the right one, and a
// file that isn't is removed. Any number of processes may use one directory, and
// anybody may remove it or anything in it at any time.
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

// A Dir is a cache in a directory, which is made when something is first kept there.
// It is safe for concurrent use. A nil *Dir keeps nothing.
type Dir struct {
	path  string
	limit int64

	mu      sync.Mutex
	written int64 // since it was last trimmed
}

// Open returns the cache in a directory. It is kept to about limit bytes: every
// process that uses it may exceed that by a sixteenth for a while.
func Open(path string, limit int64) *Dir { return &Dir{path: path, limit: limit} }

// newPrefix begins the names of files that aren't whole yet.
const newPrefix = ".new-"

// Files that were used within that time count as used just now: so reading seldom
// writes.
const coarse = time.Hour

// Get returns an object if it is there and accept returns no error for its bytes,
// which are the caller's. One that isn't accepted is removed.
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
	if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()).Abs() > coarse {
		_ = os.Chtimes(path, now, now) // else it is removed sooner than it might be
	}
	return b, true
}

// Put keeps an object, if that can be. A name must be that of a file and not begin
// with a dot.
func (d *Dir) Put(name string, object []byte) {
	if d == nil || int64(len(object)) > d.limit/16 {
		return
	}
	if err := d.put(name, object); err != nil {
		return // it is fetched again
	}
	d.mu.Lock()
	d.written += int64(len(object))
	due := d.written > d.limit/16
	d.mu.Unlock()
	if due {
		d.Trim()
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

// Close trims the cache if anything was put.
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

// Trim removes the objects that were used longest ago, until the others have no more
// bytes than the limit, and what crashed processes left unfinished a day ago.
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
	entries, _ := os.ReadDir(d.path) // as far as it can be read
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // gone meanwhile, or not ours
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
