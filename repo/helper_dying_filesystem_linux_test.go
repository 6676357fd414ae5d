package repo_test

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A mortal file system is a directory of which nothing can be changed after some changes,
// as if who changes it had been killed.
type mortal struct {
	*fs.LoopbackNode
	left *atomic.Int64
}

func (m *mortal) dead() bool { return m.left.Add(-1) < 0 }

func (m *mortal) Rename(ctx context.Context, name string, to fs.InodeEmbedder, toName string, flags uint32) syscall.Errno {
	if m.dead() {
		return syscall.EIO
	}
	return m.LoopbackNode.Rename(ctx, name, to, toName, flags)
}

func (m *mortal) Unlink(ctx context.Context, name string) syscall.Errno {
	if m.dead() {
		return syscall.EIO
	}
	return m.LoopbackNode.Unlink(ctx, name)
}

func (m *mortal) Rmdir(ctx context.Context, name string) syscall.Errno {
	if m.dead() {
		return syscall.EIO
	}
	return m.LoopbackNode.Rmdir(ctx, name)
}

func (m *mortal) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if m.dead() {
		return nil, syscall.EIO
	}
	return m.LoopbackNode.Mkdir(ctx, name, mode, out)
}

func (m *mortal) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if m.dead() {
		return nil, syscall.EIO
	}
	return m.LoopbackNode.Symlink(ctx, target, name, out)
}

func (m *mortal) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if m.dead() {
		return nil, syscall.EIO
	}
	return m.LoopbackNode.Link(ctx, target, name, out)
}

func (m *mortal) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if m.dead() {
		return nil, nil, 0, syscall.EIO
	}
	return m.LoopbackNode.Create(ctx, name, flags, mode, out)
}

func (m *mortal) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if m.dead() {
		return syscall.EIO
	}
	return m.LoopbackNode.Setattr(ctx, f, in, out)
}

// WrapChild is part of fs.NodeWrapChilder.
func (m *mortal) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &mortal{child.(*fs.LoopbackNode), m.left}
}

// mountMortal mounts a directory as a mortal file system. Any number of changes can be left
// to it again.
func mountMortal(t *testing.T, dir string, changes int64) (at string, left *atomic.Int64, unmount func()) {
	t.Helper()
	at = t.TempDir()
	root := &fs.LoopbackRoot{Path: dir}
	left = new(atomic.Int64)
	left.Store(changes)
	root.RootNode = &mortal{&fs.LoopbackNode{RootData: root}, left}
	server, err := fs.Mount(at, root.RootNode, &fs.Options{MountOptions: fuse.MountOptions{DirectMount: true}})
	if err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	return at, left, func() { must(t, server.Unmount()) }
}
