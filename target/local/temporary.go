package local

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/qsnap/qsnap/target"
)

// A temporary is a file that does not have its final name yet.
type temporary struct {
	*os.File
	path string // empty if it has no name at all
}

// temporary returns a new file. The caller must call discard.
func (t *Target) temporary() (*temporary, error) {
	if f, err := openUnnamed(t.dir); err == nil {
		return &temporary{File: f}, nil
	}
	tmp := filepath.Join(t.dir, tmpDir)
	if err := makeDirs(tmp, t.dir); err != nil {
		return nil, err
	}
	t.clean.Do(func() { removeLeftovers(tmp) })
	f, err := os.CreateTemp(tmp, "put-*")
	if err != nil {
		return nil, err
	}
	lock(f) // if locking fails here, it also fails for a writer that removes leftovers
	return &temporary{f, f.Name()}, nil
}

// longWrite is the smallest write for which WriteAt makes the disk start at once.
const longWrite = 1 << 20

// WriteAt implements io.WriterAt. The disk starts long writes at once, so that Sync waits
// only for the last of them.
func (f *temporary) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	if err != nil || n < longWrite {
		return n, err
	}
	if err := beginWriting(f.File, off, n); err != nil {
		return 0, &fs.PathError{Op: "write", Path: f.Name(), Err: err}
	}
	return n, nil
}

// publish gives the file its final name, or returns fs.ErrExist. It closes a file that
// has had a name.
func (f *temporary) publish(path string) error {
	if f.path == "" {
		return linkUnnamed(f.File, path)
	}
	return renameExclusive(f, path)
}

// discard closes the file and removes its temporary name, if any.
func (f *temporary) discard() {
	f.Close()
	if f.path != "" {
		os.Remove(f.path)
	}
}

// A staged file implements target.Staged.
type staged struct {
	*temporary
	t *Target
}

// Stage implements target.Stager.
func (t *Target) Stage(ctx context.Context) (target.Staged, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := t.temporary()
	if err != nil {
		return nil, err
	}
	return staged{f, t}, nil
}

// Commit implements target.Staged.
func (s staged) Commit(ctx context.Context, name string, size int64) error {
	path, err := s.t.path(name)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	info, err := s.Stat()
	if err == nil && info.Size() < size {
		err = &fs.PathError{Op: "put", Path: path, Err: io.ErrUnexpectedEOF}
	}
	if err == nil && info.Size() > size {
		err = s.Truncate(size)
	}
	if err != nil {
		return err
	}
	return s.t.publish(s.temporary, path)
}

// Discard implements target.Staged.
func (s staged) Discard() error {
	s.discard()
	return nil
}

// removeLeftovers removes the files below tmp that no process is writing.
func removeLeftovers(tmp string) {
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return // leftovers only take up space
	}
	for _, e := range entries {
		path := filepath.Join(tmp, e.Name())
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if lock(f) {
			os.Remove(path)
		}
		f.Close()
	}
}

// sortAsNames sorts entries so that a walk yields object names in lexical order: a
// directory counts as its name with a slash, which comes after "a.b".
func sortAsNames(entries []fs.DirEntry) {
	key := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(key(a), key(b)) })
}
