//go:build !linux

package disk

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/qsnap/qsnap/snapshot"
)

// A Dir is an open directory to read from. Several goroutines may call its methods, until
// Close.
type Dir struct {
	root *os.Root
	path string // for messages
}

// OpenDir opens a directory by its path. It follows a symbolic link there.
func OpenDir(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Dir{root, path}, nil
}

// Sub opens a subdirectory.
func (d *Dir) Sub(name string) (*Dir, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: filepath.Join(d.path, name), Err: fs.ErrNotExist}
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &Dir{root, filepath.Join(d.path, name)}, nil
}

// OpenSearchOnly opens a directory by its path to reach names in it.
func OpenSearchOnly(path string) (*Dir, error) { return OpenDir(path) }

// SubSearchOnly opens a subdirectory, or the directory that a symbolic link leads to.
func (d *Dir) SubSearchOnly(name string) (*Dir, error) { return d.Follow(name) }

// Follow opens a subdirectory, or the directory that a symbolic link leads to.
func (d *Dir) Follow(name string) (*Dir, error) { return OpenDir(filepath.Join(d.path, name)) }

// Close closes the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Names returns the names in the directory, sorted as bytes. Calls must not overlap.
func (d *Dir) Names() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// Lstat sets the fields of an entry that the system provides.
func (d *Dir) Lstat(name string, e *snapshot.Entry) (Meta, error) {
	if err := checkName(runtime.GOOS, name); err != nil {
		return Meta{}, &fs.PathError{Op: "lstat", Path: filepath.Join(d.path, name), Err: err}
	}
	info, err := d.root.Lstat(name)
	if err != nil {
		return Meta{}, err
	}
	e.Name = name
	return fill(e, info), nil
}

// Stat sets the fields of an entry that the system provides: it follows a symbolic link.
func (d *Dir) Stat(name string, e *snapshot.Entry) (Meta, error) {
	info, err := os.Stat(filepath.Join(d.path, name))
	if err != nil {
		return Meta{}, err
	}
	e.Name = name
	return fill(e, info), nil
}

// StampsHere returns false: it is not known whether this machine's clock stamps changes,
// in ticks of at most 10 ms.
func (d *Dir) StampsHere() bool { return false }

// Self sets the fields of the directory's own entry.
func (d *Dir) Self(e *snapshot.Entry) (Meta, error) {
	info, err := d.root.Stat(".")
	if err != nil {
		return Meta{}, err
	}
	return fill(e, info), nil
}

func fill(e *snapshot.Entry, info fs.FileInfo) Meta {
	e.SetFileMode(info.Mode())
	e.MTime = snapshot.TimeOf(info.ModTime())
	e.CTime = e.MTime
	if e.Type == snapshot.File {
		e.Size = info.Size()
	}
	return Meta{Device: fillSystem(e, info), Allocated: info.Size()}
}

// Describe sets what Lstat doesn't set of an entry that is neither file nor directory:
// the target of a symbolic link.
func (d *Dir) Describe(e *snapshot.Entry) (err error) {
	if e.Type == snapshot.Symlink {
		e.Target, err = d.root.Readlink(e.Name)
	}
	return err
}

// A File is an open regular file to read from.
type File struct{ f *os.File }

// Open opens a file in the directory for reading and sets the fields of the entry that
// the system provides, except its name. If the name is no file any more, the error is
// fs.ErrNotExist.
func (d *Dir) Open(name string, e *snapshot.Entry) (*File, Meta, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, Meta{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, Meta{}, &fs.PathError{Op: "open", Path: filepath.Join(d.path, name), Err: fs.ErrNotExist}
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, Meta{}, err
	}
	file := &File{f}
	meta, err := file.Stat(e)
	if err != nil {
		f.Close()
		return nil, Meta{}, err
	}
	return file, meta, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Stat sets the fields of the entry that the system provides, except its name.
func (f *File) Stat(e *snapshot.Entry) (Meta, error) {
	info, err := f.f.Stat()
	if err != nil {
		return Meta{}, err
	}
	return fill(e, info), nil
}

// Xattrs returns nothing on this system.
func (f *File) Xattrs() ([]snapshot.Xattr, error) { return nil, nil }

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) { return f.f.Read(p) }

// SeekTo moves to an offset from the start.
func (f *File) SeekTo(offset int64) error {
	_, err := f.f.Seek(offset, io.SeekStart)
	return err
}

// Holes returns nothing on this system.
func (f *File) Holes(int64) ([]snapshot.Hole, error) { return nil, nil }
