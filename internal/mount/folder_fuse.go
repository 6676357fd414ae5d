//go:build linux || darwin

package mount

import (
	"context"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/qsnap/qsnap/snapshot"
)

// folderTimeout is how long the kernel may cache a folder's attributes and names.
const folderTimeout = time.Second

// A folderNode is a folder that the kernel knows, identified by its path. Its contents
// are looked up in the current listing.
type folderNode struct {
	fs.Inode
	*service
	path []string
	key  key
}

var (
	_ fs.NodeLookuper  = (*folderNode)(nil)
	_ fs.NodeReaddirer = (*folderNode)(nil)
	_ fs.NodeGetattrer = (*folderNode)(nil)
	_ fs.NodeAccesser  = (*folderNode)(nil)
	_ fs.NodeStatfser  = (*folderNode)(nil)
)

func (n *folderNode) folder(ctx context.Context) *folder {
	ctx, done := n.patient(ctx)
	defer done()
	return n.listing.current(ctx).at(n.path)
}

// keyOf returns the key of an item. For a snapshot or link the key identifies which one
// it is: the name may stand for another one later.
func (n *folderNode) keyOf(name string, i item) key {
	switch {
	case i.manifest != nil:
		return n.key.of(keyOfVersion, i.manifest.ID[:])
	case i.folder != nil:
		return n.key.of(keyOfName, []byte(name))
	}
	return n.key.of(keyOfLink, []byte(i.link))
}

func (i item) mode() uint32 {
	if i.folder == nil && i.manifest == nil {
		return syscall.S_IFLNK
	}
	return syscall.S_IFDIR
}

// Lookup implements fs.NodeLookuper.
func (n *folderNode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	out.SetEntryTimeout(1) // so that the kernel doesn't cache absent names for long
	f := n.folder(ctx)
	if f == nil {
		return nil, syscall.ENOENT
	}
	i, ok := f.items[name]
	if !ok {
		return nil, syscall.ENOENT
	}
	out.SetEntryTimeout(folderTimeout)
	k := n.keyOf(name, i)
	full := append(slices.Clone(n.path), name)
	var child fs.InodeEmbedder
	switch {
	case i.manifest != nil:
		v := &version{n.service, i.manifest, n.repo.View(i.manifest), k, path.Join(full...)}
		top := v.newNode(nil, k, &i.manifest.Root)
		child, out.Attr = top, top.attr
	case i.folder != nil:
		child, out.Attr = &folderNode{service: n.service, path: full, key: k}, n.attributes(i.folder)
		out.SetAttrTimeout(folderTimeout)
	default:
		l := &linkNode{target: i.link, attr: n.made(f, &snapshot.Entry{Type: snapshot.Symlink, Target: i.link, Mode: 0o777})}
		child, out.Attr = l, l.attr
	}
	return n.NewInode(ctx, child, stable(k, i.mode())), 0
}

// Readdir implements fs.NodeReaddirer.
func (n *folderNode) Readdir(ctx context.Context) (fs.DirStream, syscall.Errno) {
	f := n.folder(ctx)
	if f == nil {
		return nil, syscall.ENOENT
	}
	above := n.StableAttr().Ino
	if _, parent := n.Parent(); parent != nil {
		above = parent.StableAttr().Ino
	}
	list := []fuse.DirEntry{{Name: ".", Mode: syscall.S_IFDIR, Ino: n.StableAttr().Ino}, {Name: "..", Mode: syscall.S_IFDIR, Ino: above}}
	for _, name := range f.names() {
		i := f.items[name]
		number, _ := n.keyOf(name, i).inode()
		list = append(list, fuse.DirEntry{Name: name, Mode: i.mode(), Ino: number})
	}
	return fs.NewListDirStream(list), 0
}

func (n *folderNode) attributes(f *folder) fuse.Attr {
	return n.made(f, &snapshot.Entry{Type: snapshot.Dir, Mode: 0o555})
}

// made returns the attributes of what is in no snapshot: the mount's user owns it, and
// its time is that of the newest snapshot in a folder, or 1970.
func (s *service) made(f *folder, e *snapshot.Entry) fuse.Attr {
	if !f.newest.IsZero() {
		e.MTime = snapshot.TimeOf(f.newest)
		e.CTime = e.MTime
	}
	a := attributes(e)
	a.Owner = s.owner
	return a
}

// Getattr implements fs.NodeGetattrer.
func (n *folderNode) Getattr(ctx context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f := n.folder(ctx)
	if f == nil {
		return syscall.ENOENT
	}
	out.Attr = n.attributes(f)
	out.SetTimeout(folderTimeout)
	return 0
}

// Access implements fs.NodeAccesser.
func (n *folderNode) Access(_ context.Context, mask uint32) syscall.Errno { return access(mask) }

// Statfs implements fs.NodeStatfser.
func (n *folderNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno { return statfs(out) }

// A linkNode is a symbolic link in a folder.
type linkNode struct {
	fs.Inode
	target string
	attr   fuse.Attr
}

var (
	_ fs.NodeReadlinker = (*linkNode)(nil)
	_ fs.NodeGetattrer  = (*linkNode)(nil)
)

// Readlink implements fs.NodeReadlinker.
func (n *linkNode) Readlink(context.Context) ([]byte, syscall.Errno) { return []byte(n.target), 0 }

// Getattr implements fs.NodeGetattrer.
func (n *linkNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Attr = n.attr
	return 0
}
