//go:build unix

package profile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner of the one that it replaces. Only root can give files
// away: others, who may write to the directory, become the owner.
func keepOwner(f *os.File, was fs.FileInfo) error {
	if was == nil {
		return nil
	}
	s, ok := was.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if err := f.Chown(int(s.Uid), int(s.Gid)); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// syncDirectory makes a renaming last.
func syncDirectory(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sameDevice reports whether two files are on the same file system, or whether it isn't
// known.
func sameDevice(a, b string) bool {
	var x, y syscall.Stat_t
	return syscall.Stat(a, &x) != nil || syscall.Stat(b, &y) != nil || x.Dev == y.Dev
}
