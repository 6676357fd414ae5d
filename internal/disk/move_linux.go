package disk

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Rename renames something. If the new name is taken, the error is fs.ErrExist.
func (o *Out) Rename(from, to string) error { return o.rename(from, o, to) }

// move moves a name to another directory, where it must be free.
func (o *Out) move(name string, to *Out) error { return o.rename(name, to, name) }

func (o *Out) rename(from string, dir *Out, to string) error {
	if err := o.check(from); err != nil {
		return err
	}
	if err := o.check(to); err != nil {
		return err
	}
	err := unix.Renameat2(o.fd, from, dir.fd, to, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS { // not every file system supports that
		if dir.exists(to) {
			return dir.fail("rename to", to, fs.ErrExist)
		}
		err = unix.Renameat(o.fd, from, dir.fd, to)
	}
	return dir.failure("rename to", to, err)
}

// MkdirPart makes a directory under a temporary name. It gets its own name when
// everything in it is done.
func (o *Out) MkdirPart() (part string, err error) {
	part = o.partName()
	return part, o.Mkdir(part)
}
