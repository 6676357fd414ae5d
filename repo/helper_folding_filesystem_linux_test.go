package repo_test

import (
	"context"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// A folding file system shows a directory, but takes names for one that have the same key
// in their directory, whose path is relative to the root.
type folding struct {
	top string
	key func(dir, name string) string
	// spellings says that each spelling of a name has an inode number of its own, as on file
	// systems that know files by their paths.
	spellings bool
	// refuse returns an error for names that can't be, or 0. It may be nil.
	refuse func(name string) syscall.Errno
}

func (f *folding) allows(name string) syscall.Errno {
	if f.refuse == nil {
		return 0
	}
	return f.refuse(name)
}

// foldsCase and composes are keys: names that differ in case are one, or those that spell
// a letter with a mark in one rune or in two.
func foldsCase(_, name string) string { return strings.ToLower(name) }

func composes(_, name string) string {
	return strings.NewReplacer("e\u0301", "\u00e9", "o\u0308", "\u00f6", "K\u030c", "\u01e8").Replace(name)
}

// mountFolding mounts a folding file system over an empty directory.
func mountFolding(t *testing.T, f folding) (at string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	at, f.top = t.TempDir(), t.TempDir()
	server, err := fs.Mount(at, &foldingNode{fsys: &f}, &fs.Options{MountOptions: fuse.MountOptions{DirectMount: true}})
	if err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { must(t, server.Unmount()) })
	return at
}

type foldingNode struct {
	fs.Inode
	fsys   *folding
	parent *foldingNode
	name   string // as it is stored
}

func (n *foldingNode) path() string {
	if n.parent == nil {
		return ""
	}
	return filepath.Join(n.parent.path(), n.name)
}

func (n *foldingNode) at(name string) string { return filepath.Join(n.fsys.top, n.path(), name) }

// stored returns how a name is spelled in the directory, or the name itself.
func (n *foldingNode) stored(name string) string {
	dir := n.path()
	there, _ := os.ReadDir(n.at(""))
	for _, e := range there {
		if n.fsys.key(dir, e.Name()) == n.fsys.key(dir, name) {
			return e.Name()
		}
	}
	return name
}

func (n *foldingNode) child(ctx context.Context, name string, attr *fuse.Attr) (*fs.Inode, syscall.Errno) {
	sub := &foldingNode{fsys: n.fsys, parent: n, name: n.stored(name)}
	var st syscall.Stat_t
	if err := syscall.Lstat(sub.at(""), &st); err != nil {
		return nil, fs.ToErrno(err)
	}
	attr.FromStat(&st)
	id := fs.StableAttr{Mode: st.Mode, Ino: st.Ino}
	if n.fsys.spellings {
		h := fnv.New64a()
		h.Write([]byte(n.path() + "/" + name))
		id.Ino, attr.Ino = h.Sum64(), h.Sum64()
	}
	return n.NewInode(ctx, sub, id), 0
}

func (n *foldingNode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.fsys.allows(name); errno != 0 {
		return nil, errno
	}
	return n.child(ctx, name, &out.Attr)
}

func (n *foldingNode) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.fsys.allows(name); errno != 0 {
		return nil, errno
	}
	if err := syscall.Mkdir(n.at(n.stored(name)), mode); err != nil {
		return nil, fs.ToErrno(err)
	}
	return n.child(ctx, name, &out.Attr)
}

func (n *foldingNode) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if err := syscall.Symlink(target, n.at(n.stored(name))); err != nil {
		return nil, fs.ToErrno(err)
	}
	return n.child(ctx, name, &out.Attr)
}

func (n *foldingNode) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.fsys.allows(name); errno != 0 {
		return nil, nil, 0, errno
	}
	fd, err := syscall.Open(n.at(n.stored(name)), int(flags)|syscall.O_CREAT, mode)
	if err != nil {
		return nil, nil, 0, fs.ToErrno(err)
	}
	sub, errno := n.child(ctx, name, &out.Attr)
	return sub, fs.NewLoopbackFile(fd), 0, errno
}

func (n *foldingNode) Unlink(_ context.Context, name string) syscall.Errno {
	return fs.ToErrno(syscall.Unlink(n.at(n.stored(name))))
}

func (n *foldingNode) Rmdir(_ context.Context, name string) syscall.Errno {
	return fs.ToErrno(syscall.Rmdir(n.at(n.stored(name))))
}

func (n *foldingNode) Rename(_ context.Context, name string, to fs.InodeEmbedder, toName string, flags uint32) syscall.Errno {
	if errno := n.fsys.allows(toName); errno != 0 {
		return errno
	}
	dir, was := to.(*foldingNode), n.stored(name)
	is := dir.stored(toName)
	if err := unix.Renameat2(unix.AT_FDCWD, n.at(was), unix.AT_FDCWD, dir.at(is), uint(flags)); err != nil {
		return fs.ToErrno(err)
	}
	if moved := n.GetChild(name); moved != nil {
		moved.Operations().(*foldingNode).parent, moved.Operations().(*foldingNode).name = dir, is
	}
	return 0
}

func (n *foldingNode) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	fd, err := syscall.Open(n.at(""), int(flags)&^syscall.O_APPEND, 0)
	return fs.NewLoopbackFile(fd), 0, fs.ToErrno(err)
}

func (n *foldingNode) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	return fs.NewLoopbackDirStream(n.at(""))
}

func (n *foldingNode) Readlink(context.Context) ([]byte, syscall.Errno) {
	target, err := os.Readlink(n.at(""))
	return []byte(target), fs.ToErrno(err)
}

func (n *foldingNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	var st syscall.Stat_t
	err := syscall.Lstat(n.at(""), &st)
	out.FromStat(&st)
	out.Ino = n.StableAttr().Ino
	return fs.ToErrno(err)
}

func (n *foldingNode) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	at := n.at("")
	if mode, ok := in.GetMode(); ok {
		if err := syscall.Chmod(at, mode); err != nil {
			return fs.ToErrno(err)
		}
	}
	if size, ok := in.GetSize(); ok {
		if err := syscall.Truncate(at, int64(size)); err != nil {
			return fs.ToErrno(err)
		}
	}
	if then, ok := in.GetMTime(); ok {
		ts := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(then.UnixNano())}
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, at, ts, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fs.ToErrno(err)
		}
	}
	return n.Getattr(ctx, f, out)
}
