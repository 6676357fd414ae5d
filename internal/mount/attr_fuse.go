//go:build linux || darwin

package mount

import (
	"context"
	"slices"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

const blockSize = 4096

var modes = [...]uint32{
	snapshot.File: syscall.S_IFREG, snapshot.Dir: syscall.S_IFDIR, snapshot.Symlink: syscall.S_IFLNK,
	snapshot.FIFO: syscall.S_IFIFO, snapshot.CharDevice: syscall.S_IFCHR,
	snapshot.BlockDevice: syscall.S_IFBLK, snapshot.Socket: syscall.S_IFSOCK,
}

// attributes returns what stat reports of an entry. The access time is the modification
// time.
func attributes(e *snapshot.Entry) fuse.Attr {
	a := fuse.Attr{
		Size: uint64(e.Size), Blksize: blockSize, Mode: modes[e.Type] | e.Mode, Nlink: max(1, e.Links),
		Owner: fuse.Owner{Uid: e.UID, Gid: e.GID},
		Mtime: uint64(e.MTime.Sec), Mtimensec: uint32(e.MTime.Nsec),
		Atime: uint64(e.MTime.Sec), Atimensec: uint32(e.MTime.Nsec),
		Ctime: uint64(e.CTime.Sec), Ctimensec: uint32(e.CTime.Nsec),
	}
	switch e.Type {
	case snapshot.File:
		a.Blocks = uint64(e.DataSize()+blockSize-1) / blockSize * (blockSize / 512)
	case snapshot.Symlink:
		a.Size = uint64(len(e.Target))
	case snapshot.CharDevice, snapshot.BlockDevice:
		a.Rdev = uint32(unix.Mkdev(e.Major, e.Minor))
	}
	return a
}

// xattrs returns the extended attributes of a node that a caller may read. As on other
// file systems, trusted ones are for root.
func (n *node) xattrs(ctx context.Context) ([]snapshot.Xattr, syscall.Errno) {
	if !n.hasXattrs {
		return nil, 0
	}
	longer, done := n.patient(ctx)
	defer done()
	e, err := n.entry(longer)
	if err != nil {
		return nil, n.fail(n.path(), err)
	}
	if caller, ok := fuse.FromContext(ctx); ok && caller.Uid == 0 {
		return e.Xattrs, 0
	}
	return slices.DeleteFunc(slices.Clone(e.Xattrs), func(x snapshot.Xattr) bool {
		return strings.HasPrefix(x.Name, "trusted.")
	}), 0
}

// Getxattr implements fs.NodeGetxattrer.
func (n *node) Getxattr(ctx context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	all, errno := n.xattrs(ctx)
	if errno != 0 {
		return 0, errno
	}
	for _, x := range all {
		if x.Name == name {
			return give(dest, x.Value)
		}
	}
	return 0, fs.ENOATTR
}

// Listxattr implements fs.NodeListxattrer.
func (n *node) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	all, errno := n.xattrs(ctx)
	if errno != 0 {
		return 0, errno
	}
	var names []byte
	for _, x := range all {
		names = append(append(names, x.Name...), 0)
	}
	return give(dest, names)
}

// give copies a value to the buffer of a system call, or returns its length.
func give(dest, value []byte) (uint32, syscall.Errno) {
	if len(dest) < len(value) {
		return uint32(len(value)), syscall.ERANGE
	}
	return uint32(copy(dest, value)), 0
}
