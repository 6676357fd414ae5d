//go:build !linux

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

func (o *Out) mknod(e *snapshot.Entry) error {
	return fmt.Errorf("can't make a %v on this system", e.Type)
}

func (o *Out) attributesOfName(e *snapshot.Entry, keep Keep, report func(error)) {
	o.attributes(e.Name, e, keep, report)
}

// attributes sets the attributes that os.Root can set.
func (o *Out) attributes(name string, e *snapshot.Entry, keep Keep, report func(error)) {
	fail := func(what string, err error) {
		if err != nil {
			report(&fs.PathError{Op: "restore " + what, Path: filepath.Join(o.path, e.Name), Err: err})
		}
	}
	if keep.Owner {
		if err := o.root.Lchown(name, int(e.UID), int(e.GID)); !errors.Is(err, errors.ErrUnsupported) {
			fail("owner", err)
		}
	}
	if e.Type == snapshot.Symlink {
		return // Chmod and Chtimes would follow it
	}
	e = grant(e, func() (uint32, uint32, error) {
		info, err := o.root.Lstat(name)
		if err != nil {
			return 0, 0, err
		}
		return ownerOf(info)
	}, report)
	fail("mode", o.root.Chmod(name, e.FileMode()&^fs.ModeType))
	fail("time", o.root.Chtimes(name, time.Time{}, e.MTime.Time()))
}

// SetTime sets the directory's modification time.
func (o *Out) SetTime(mtime snapshot.Time) error {
	return o.root.Chtimes(".", time.Time{}, mtime.Time())
}

// Finish sets the directory's attributes, when everything in it is written.
func (o *Out) Finish(e *snapshot.Entry, keep Keep, report func(error)) {
	o.attributes(".", e, keep, report)
}

// Unlock lets the user write to the directory until Finish, if the user owns it.
func (o *Out) Unlock() error {
	info, err := o.root.Stat(".")
	if err != nil || !o.Locks(uint32(info.Mode().Perm())) {
		return err
	}
	return o.Chmod(uint32(info.Mode().Perm()) | 0o700)
}

// Locks reports whether a directory of the user with that mode must be unlocked.
func (o *Out) Locks(mode uint32) bool { return mode&0o700 != 0o700 }

// Chmod sets the directory's mode.
func (o *Out) Chmod(mode uint32) error { return o.root.Chmod(".", fs.FileMode(mode).Perm()) }

// Sync does nothing: the system writes files in its own time.
func (o *Out) Sync() error { return nil }
