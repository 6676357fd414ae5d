//go:build linux || darwin

package mount

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// A service is what all nodes of a mount share.
type service struct {
	repo    *repo.Repo
	listing *listing
	tell    *reporter
	ctx     context.Context // for work that several requests share; never cancelled
	owner   fuse.Owner
}

// A version is a snapshot at one place in the folders.
type version struct {
	*service
	manifest *snapshot.Manifest
	view     *repo.View
	key      key
	place    string // the path of that place
}

// A node is a name in a snapshot that the kernel knows. It holds what stat reports. For
// everything else the entry is looked up in its tree again, because there may be millions
// of nodes.
type node struct {
	fs.Inode
	*version
	parent *node // nil for the snapshot's root
	name   string
	key    key
	attr   fuse.Attr
	// tree is the id of a directory's tree. It is zero if the names in the directory could
	// not be read.
	tree      [32]byte
	hasXattrs bool
}

var (
	_ fs.NodeLookuper       = (*node)(nil)
	_ fs.NodeGetattrer      = (*node)(nil)
	_ fs.NodeAccesser       = (*node)(nil)
	_ fs.NodeReadlinker     = (*node)(nil)
	_ fs.NodeOpener         = (*node)(nil)
	_ fs.NodeOpendirHandler = (*node)(nil)
	_ fs.NodeGetxattrer     = (*node)(nil)
	_ fs.NodeListxattrer    = (*node)(nil)
	_ fs.NodeStatfser       = (*node)(nil)
)

// newNode returns the node of an entry. It keeps no reference to the entry, which would
// keep a page of entries in memory.
func (v *version) newNode(parent *node, k key, e *snapshot.Entry) *node {
	return &node{
		version: v, parent: parent, name: strings.Clone(e.Name), key: k,
		attr: attributes(e), tree: e.Subtree, hasXattrs: len(e.Xattrs) > 0,
	}
}

// stable returns the attributes by which the library identifies an inode.
func stable(k key, mode uint32) fs.StableAttr {
	number, generation := k.inode()
	return fs.StableAttr{Mode: mode & syscall.S_IFMT, Ino: number, Gen: generation}
}

// child makes an entry of a directory known to the kernel.
func (n *node) child(ctx context.Context, e *snapshot.Entry, out *fuse.EntryOut) *fs.Inode {
	c := n.newNode(n, n.key.entry(n.version.key, e), e)
	out.Attr = c.attr
	return n.NewInode(ctx, c, stable(c.key, c.attr.Mode))
}

// path returns the path of a node below the mount point.
func (n *node) path() string {
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	full := n.place
	for i := len(names) - 1; i >= 0; i-- {
		full = path.Join(full, names[i])
	}
	return full
}

// entry returns the entry of a node.
func (n *node) entry(ctx context.Context) (*snapshot.Entry, error) {
	if n.parent == nil {
		return &n.manifest.Root, nil
	}
	dir, err := n.parent.dir(ctx)
	if err != nil {
		return nil, err
	}
	return n.view.Lookup(ctx, dir, n.name)
}

// dir returns the entry of a directory with what reading it needs.
func (n *node) dir(ctx context.Context) (*snapshot.Entry, error) {
	if n.tree == [32]byte{} {
		return n.entry(ctx) // the entry says why it can't be read
	}
	return &snapshot.Entry{Type: snapshot.Dir, Subtree: n.tree}, nil
}

// fail reports a read error and returns the error for the kernel.
func (s *service) fail(where string, err error) syscall.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, iofs.ErrNotExist):
		return syscall.ENOENT
	case errors.Is(err, context.Canceled):
		return syscall.EINTR
	}
	s.tell.report(fmt.Errorf("%s: %w", where, err))
	return syscall.EIO
}

// patience is how long a request may continue after it was interrupted.
const patience = 5 * time.Second

// patient returns the context of a request. The kernel cancels a request for any signal
// to a program, but programs don't expect to be interrupted when they read a file. So the
// request continues, unless it takes long.
func (s *service) patient(ctx context.Context) (context.Context, func()) {
	longer, cancel := context.WithCancel(s.ctx)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(patience, cancel) })
	return longer, func() { stop(); cancel() }
}

// Lookup implements fs.NodeLookuper.
func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	longer, done := n.patient(ctx)
	defer done()
	dir, err := n.dir(longer)
	var e *snapshot.Entry
	if err == nil {
		e, err = n.view.Lookup(longer, dir, name)
	}
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return nil, syscall.ENOENT
	case err != nil:
		return nil, n.fail(n.path(), err)
	}
	return n.child(ctx, e, out), 0
}

// Getattr implements fs.NodeGetattrer.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Attr = n.attr
	return 0
}

// Access implements fs.NodeAccesser: the kernel decides if modes count.
func (n *node) Access(_ context.Context, mask uint32) syscall.Errno { return access(mask) }

func access(mask uint32) syscall.Errno {
	const write = 2 // W_OK
	if mask&write != 0 {
		return syscall.EROFS
	}
	return 0
}

// Readlink implements fs.NodeReadlinker.
func (n *node) Readlink(ctx context.Context) ([]byte, syscall.Errno) {
	ctx, done := n.patient(ctx)
	defer done()
	e, err := n.entry(ctx)
	if err != nil {
		return nil, n.fail(n.path(), err)
	}
	return []byte(e.Target), 0
}

// Open implements fs.NodeOpener.
func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&(syscall.O_WRONLY|syscall.O_RDWR) != 0 {
		return nil, 0, syscall.EROFS
	}
	ctx, done := n.patient(ctx)
	defer done()
	e, err := n.entry(ctx)
	if err == nil && e.Problem != "" {
		err = errors.New("not in the snapshot: when that was made: " + e.Problem)
	}
	if err != nil {
		return nil, 0, n.fail(n.path(), err)
	}
	return &file{n, e}, fuse.FOPEN_KEEP_CACHE, 0
}

// OpendirHandle implements fs.NodeOpendirHandler.
func (n *node) OpendirHandle(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return &dir{node: n}, fuse.FOPEN_CACHE_DIR | fuse.FOPEN_KEEP_CACHE, 0
}

// Statfs implements fs.NodeStatfser.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno { return statfs(out) }

// maxFuseName is the maximal length of a name in the kernel (FUSE_NAME_MAX).
const maxFuseName = 1024

func statfs(out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Frsize, out.NameLen = blockSize, blockSize, maxFuseName
	return 0
}
