//go:build linux || darwin

package mount

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// A Mount is a repository that is mounted.
type Mount struct {
	dir     string
	server  *fuse.Server
	top     *folderNode
	listing *listing
	done    chan struct{}
}

// forever is how long the kernel may believe what it was told of a snapshot.
const forever = 24 * time.Hour

// Start mounts a repository on an empty directory, read-only, and returns when it
// can be used. The context is that of starting; the mount stays until it is
// unmounted. The repository must stay open until Done.
func Start(ctx context.Context, r *repo.Repo, dir string, o Options) (*Mount, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	dir, err := place(dir)
	if err != nil {
		return nil, err
	}
	tell := &reporter{tell: o.Report, now: o.Now}
	list, err := newListing(ctx, &listing{
		load:   func(ctx context.Context) ([]*snapshot.Manifest, error) { return r.Snapshots(ctx, o.Select) },
		now:    o.Now,
		report: tell.report,
	})
	if err != nil {
		return nil, err
	}
	top := &folderNode{service: &service{
		repo: r, listing: list, tell: tell, ctx: context.WithoutCancel(ctx),
		owner: fuse.Owner{Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())},
	}}
	server, err := fuse.NewServer(newFileSystem(top, tell), dir, mountOptions(o, tell))
	if err != nil {
		return nil, explain(dir, o, err)
	}
	m := &Mount{dir: dir, server: server, top: top, listing: list, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		server.Serve()
	}()
	if err := server.WaitMount(); err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", dir, err), m.Unmount())
	}
	return m, nil
}

func newFileSystem(top *folderNode, tell *reporter) fuse.RawFileSystem {
	timeout := forever
	return fs.NewNodeFS(top, &fs.Options{
		EntryTimeout: &timeout, AttrTimeout: &timeout, NegativeTimeout: &timeout,
		NullPermissions: true,
		RootStableAttr:  &fs.StableAttr{Ino: 1},
		Logger:          log.New(tell, "", 0),
	})
}

func mountOptions(o Options, tell *reporter) *fuse.MountOptions {
	m := &fuse.MountOptions{
		Name: "qsnap", FsName: o.Source, Options: []string{"ro"},
		DirectMount: true, DirectMountFlags: directFlags,
		EnableSymlinkCaching: true,
		ExtraCapabilities:    fuse.CAP_READDIRPLUS_AUTO, // stat what is listed only for those who want it
		Logger:               log.New(tell, "", 0),
	}
	if o.AllowOther {
		m.AllowOther, m.EnableAcl = true, true
		m.Options = append(m.Options, "default_permissions")
	}
	return m
}

// place returns a directory that can be mounted on.
func place(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	names, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, syscall.ENOTCONN):
		return "", fmt.Errorf("mount on %s: a mount whose program has ended is there: \"umount %s\" or \"fusermount3 -u %s\" removes it", dir, dir, dir)
	case err != nil:
		return "", fmt.Errorf("mount on %w", err)
	case len(names) > 0:
		return "", fmt.Errorf("mount on %s: it is not empty, and what is in it would be hidden", dir)
	}
	return filepath.EvalSymlinks(dir)
}

// Dir returns where it is mounted, as an absolute path.
func (m *Mount) Dir() string { return m.dir }

// Snapshots returns how many snapshots were last seen.
func (m *Mount) Snapshots() int {
	m.listing.mu.Lock()
	defer m.listing.mu.Unlock()
	return len(m.listing.top.items[byID].folder.items)
}

// Done is closed when it is not mounted any more, whoever has unmounted it, and no
// one uses what was.
func (m *Mount) Done() <-chan struct{} { return m.done }

// Unmount unmounts it. Where something holds it, it stays and the error is a
// *BusyError.
func (m *Mount) Unmount() error {
	if m.ended() {
		return nil
	}
	err := m.server.Unmount()
	if err != nil && !isBusy(err) {
		// What the kernel refuses to root the library has fusermount3 try, which may
		// not be there, and tells its answer. This is the kernel's own.
		if own := unix.Unmount(m.dir, 0); !errors.Is(own, unix.EPERM) {
			err = own
		}
	}
	if err == nil {
		<-m.done
		return nil
	}
	if m.ended() {
		return nil
	}
	if isBusy(err) {
		return &BusyError{m.dir, holders(m.dir)}
	}
	return fmt.Errorf("unmount %s: %w", m.dir, err)
}

// Detach takes it out of the file system at once. Those who hold it can go on using
// what they hold; when they are through, it is Done.
func (m *Mount) Detach() error {
	if m.ended() {
		return nil
	}
	if err := detach(m.dir); err != nil && !m.ended() {
		return fmt.Errorf("unmount %s: %w", m.dir, err)
	}
	return nil
}

func (m *Mount) ended() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}
