//go:build linux || darwin

package mount

import (
	"context"
	"fmt"
	"iter"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/qsnap/qsnap/snapshot"
)

// A dir is an open directory of a snapshot. It reads names on demand, a page of the tree
// at a time. The library calls it from one goroutine at a time.
type dir struct {
	node *node
	next func() (*snapshot.Entry, error, bool)
	stop func()
	at   uint64          // number of names returned, including . and ..
	last *snapshot.Entry // the entry returned last
}

var (
	_ fs.FileReaddirenter = (*dir)(nil)
	_ fs.FileLookuper     = (*dir)(nil)
	_ fs.FileSeekdirer    = (*dir)(nil)
	_ fs.FileReleasedirer = (*dir)(nil)
)

// Readdirent implements fs.FileReaddirenter.
func (d *dir) Readdirent(context.Context) (*fuse.DirEntry, syscall.Errno) {
	if d.at < 2 {
		name, n := ".", d.node
		if d.at == 1 {
			name = ".."
			if n.parent != nil {
				n = n.parent
			}
		}
		d.at++
		return &fuse.DirEntry{Name: name, Mode: syscall.S_IFDIR, Ino: n.StableAttr().Ino}, 0
	}
	e, errno := d.pull()
	if e == nil {
		return nil, errno
	}
	d.at++
	d.last = e
	number, _ := d.node.key.entry(d.node.version.key, e).inode()
	return &fuse.DirEntry{Name: e.Name, Mode: modes[e.Type], Ino: number}, 0
}

// pull returns the next entry, or nil after the last.
func (d *dir) pull() (*snapshot.Entry, syscall.Errno) {
	if d.next == nil {
		self, err := d.node.dir(d.node.ctx)
		if err != nil {
			return nil, d.node.fail(d.node.path(), err)
		}
		d.next, d.stop = iter.Pull2(d.node.view.ReadDir(d.node.ctx, self))
	}
	for {
		e, err, ok := d.next()
		if !ok {
			return nil, 0
		}
		if err != nil {
			return nil, d.node.fail(d.node.path(), err)
		}
		if len(e.Name) <= maxFuseName {
			return e, 0
		}
		d.node.tell.report(fmt.Errorf("%s: %.40q… is left out: its name is longer than %d bytes", d.node.path(), e.Name, maxFuseName))
	}
}

// Lookup implements fs.FileLookuper: it avoids finding the last returned entry again.
func (d *dir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if d.last == nil || d.last.Name != name {
		return d.node.Lookup(ctx, name, out)
	}
	return d.node.child(ctx, d.last, out), 0
}

// Seekdir implements fs.FileSeekdirer.
func (d *dir) Seekdir(ctx context.Context, off uint64) syscall.Errno {
	d.close()
	for d.at < off {
		if e, errno := d.Readdirent(ctx); e == nil {
			return errno
		}
	}
	return 0
}

// Releasedir implements fs.FileReleasedirer.
func (d *dir) Releasedir(context.Context, uint32) { d.close() }

func (d *dir) close() {
	if d.stop != nil {
		d.stop()
	}
	*d = dir{node: d.node}
}
