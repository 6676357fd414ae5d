//go:build !linux

package disk

import (
	"io/fs"
	"path/filepath"
)

// Rename renames something. If the new name is taken, the error is fs.ErrExist.
func (o *Out) Rename(from, to string) error { return o.rename(from, o, to) }

// move moves a name to another directory below the same top, where it must be free.
func (o *Out) move(name string, to *Out) error { return o.rename(name, to, name) }

func (o *Out) rename(from string, dir *Out, to string) error {
	if dir.exists(to) {
		return &fs.PathError{Op: "rename to", Path: filepath.Join(dir.path, to), Err: fs.ErrExist}
	}
	return o.top.Rename(filepath.Join(o.rel, from), filepath.Join(dir.rel, to))
}

// MkdirPart makes a directory under a temporary name. It gets its own name when
// everything in it is done.
func (o *Out) MkdirPart() (part string, err error) {
	part = o.partName()
	return part, o.Mkdir(part)
}
