//go:build !linux

package disk

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/snapshot"
)

// Identify returns the identity of what has a name. It doesn't follow a symbolic link. An
// empty name is the directory itself.
func (d *Dir) Identify(name string) (Identity, error) {
	if name == "" {
		name = "."
	}
	info, err := d.root.Lstat(name)
	if err != nil {
		return Identity{}, err
	}
	var e snapshot.Entry
	device := fillSystem(&e, info)
	return Identity{Device: device, Inode: e.Inode}, nil
}

// Unlink removes a name that is not a directory.
func (o *Out) Unlink(name string) error {
	info, err := o.root.Lstat(name)
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "remove", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return err
	}
	return o.root.Remove(name)
}

// Rmdir removes an empty directory.
func (o *Out) Rmdir(name string) error { return o.root.Remove(name) }

// LeadsToDir reports whether a symbolic link leads to a directory, anywhere.
func (d *Dir) LeadsToDir(name string) bool {
	info, err := os.Stat(filepath.Join(d.path, name))
	return err == nil && info.IsDir()
}

// Through opens the directory that a symbolic link leads to, anywhere.
func (o *Out) Through(name string) (*Out, error) {
	return OpenOut(filepath.Join(o.path, name), o.session)
}

// IsReadOnly reports whether a path is known to be on a read-only file system.
func IsReadOnly(string) bool { return false }
