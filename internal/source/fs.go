package source

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// FS returns a source that is a file system. name stands for its path. If the Sys of a
// file returns a *snapshot.Entry, that is used.
func FS(fsys fs.FS, name string) *Source {
	return &Source{Paths: []string{name}, Layout: snapshot.Tree, Open: func() (Dir, error) {
		if _, err := fs.Stat(fsys, "."); err != nil {
			return nil, err
		}
		return fsDir{fsys, "."}, nil
	}}
}

// fsDir is a directory of a file system.
type fsDir struct {
	fsys fs.FS
	path string
}

func (d fsDir) Names() ([]string, error) {
	entries, err := fs.ReadDir(d.fsys, d.path)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, err
}

func (d fsDir) Lstat(name string, e *snapshot.Entry) (disk.Meta, error) {
	info, err := fs.Lstat(d.fsys, path.Join(d.path, name))
	if err != nil {
		return disk.Meta{}, err
	}
	meta := fillFromInfo(e, info)
	e.Name = name
	return meta, nil
}

func (d fsDir) StampsHere() bool { return false }

func (d fsDir) Self(e *snapshot.Entry) (disk.Meta, error) {
	info, err := fs.Stat(d.fsys, d.path)
	if err != nil {
		return disk.Meta{}, err
	}
	return fillFromInfo(e, info), nil
}

// fillFromInfo sets the attributes that a file system reports of a file.
func fillFromInfo(e *snapshot.Entry, info fs.FileInfo) disk.Meta {
	name := e.Name
	*e = snapshot.Entry{Name: name}
	if known, ok := info.Sys().(*snapshot.Entry); ok {
		*e = *known
		e.Name = name
		e.Content, e.List, e.Subtree, e.Holes, e.Problem = nil, [32]byte{}, [32]byte{}, nil, ""
	} else {
		e.SetFileMode(info.Mode())
		e.MTime = snapshot.TimeOf(info.ModTime())
		if info.ModTime().IsZero() {
			e.MTime = snapshot.Time{}
		}
		e.CTime = e.MTime
	}
	if e.Type == snapshot.File {
		e.Size = info.Size()
	}
	return disk.Meta{Allocated: info.Size()}
}

func (d fsDir) Describe(e *snapshot.Entry) (err error) {
	if e.Type == snapshot.Symlink {
		e.Target, err = fs.ReadLink(d.fsys, path.Join(d.path, e.Name))
	}
	return err
}

func (d fsDir) Sub(name string) (Dir, error) {
	return fsDir{d.fsys, path.Join(d.path, name)}, nil
}

func (d fsDir) Open(name string, e *snapshot.Entry) (File, disk.Meta, error) {
	f, err := d.fsys.Open(path.Join(d.path, name))
	if err != nil {
		return nil, disk.Meta{}, err
	}
	out := fsFile{f, e.Xattrs}
	meta, err := out.Stat(e)
	if err != nil {
		f.Close()
		return nil, meta, err
	}
	return out, meta, nil
}

func (d fsDir) Close() error { return nil }

type fsFile struct {
	fs.File
	xattrs []snapshot.Xattr
}

func (f fsFile) Stat(e *snapshot.Entry) (disk.Meta, error) {
	info, err := f.File.Stat()
	if err != nil {
		return disk.Meta{}, err
	}
	return fillFromInfo(e, info), nil
}

func (f fsFile) Xattrs() ([]snapshot.Xattr, error)    { return f.xattrs, nil }
func (f fsFile) Holes(int64) ([]snapshot.Hole, error) { return nil, nil }
func (f fsFile) SeekTo(int64) error                   { return errors.ErrUnsupported }
