package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// reserveSize is the space that is set aside for what has to be written to a full disk.
const reserveSize = 64 << 10

// newPrefix begins the names of files that are still being written.
const newPrefix = ".new-"

// Write puts a file into the directory: it is there in full and on disk when Write returns,
// or not at all. If the disk is full, Write uses the space that is set aside. The names of
// directories on the way to the file come first; those that aren't there are made.
func (d *Dir) Write(content []byte, elem ...string) error {
	name := d.Path(elem...)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil && !isFull(err) {
		return d.explain(err)
	}
	err := d.put(name, content)
	if isFull(err) {
		err = errors.Join(d.release(), d.retry(name, content))
		if err == nil {
			return nil
		}
	}
	if err != nil {
		return d.explain(err)
	}
	d.setAside()
	return nil
}

// retry puts a file after space was released.
func (d *Dir) retry(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return d.put(name, content)
}

// explain adds to an error of writing what to do.
func (d *Dir) explain(err error) error {
	switch {
	case isFull(err):
		return fmt.Errorf("state directory %s: %w: make room on its disk", d.path, err)
	case isReadOnly(err):
		return fmt.Errorf("state directory %s: %w: name another in STATE_DIRECTORY", d.path, err)
	}
	return fmt.Errorf("state directory %s: %w", d.path, err)
}

// put writes a file beside its place and renames it.
func (d *Dir) put(name string, content []byte) error {
	beside, err := d.writeBeside(name, content)
	if err != nil {
		return err
	}
	if err := os.Rename(beside, name); err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	return syncDir(filepath.Dir(name))
}

// writeBeside writes a file with a temporary name into the directory of another one.
func (d *Dir) writeBeside(name string, content []byte) (beside string, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), newPrefix+"*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(f.Name()) // else Sweep removes it later
		return "", err
	}
	return f.Name(), nil
}

// setAside writes the reserve if it isn't there. Whether that works out is found by whoever
// needs it.
func (d *Dir) setAside() {
	name := d.Path("reserve")
	if info, err := os.Lstat(name); err == nil && info.Size() >= reserveSize {
		return
	}
	content := make([]byte, reserveSize) // random: a file system may compress
	if _, err := io.ReadFull(d.rand, content); err == nil {
		_ = d.put(name, content)
	}
}

// release gives the space that is set aside back to the file system.
func (d *Dir) release() error {
	if err := os.Remove(d.Path("reserve")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(d.path)
}

// sweepAge is how old an unfinished file is before it counts as left by a process that was
// killed.
const sweepAge = 24 * time.Hour

// Sweep removes from one of the directories what processes that were killed left unfinished.
func (d *Dir) Sweep(elem ...string) {
	dir := d.Path(elem...)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), newPrefix) {
			continue
		}
		if info, err := e.Info(); err == nil && d.now().Sub(info.ModTime()) > sweepAge {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
