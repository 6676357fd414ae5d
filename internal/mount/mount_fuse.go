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

// A Mount is a mounted repository.
type Mount struct {
	dir     string
	server  *fuse.Server
	top     *folderNode
	listing *listing
	done    chan struct{}
}

// forever is how long the kernel may cache what it knows of a snapshot.
const forever = 24 * time.Hour

// Start mounts a repository on an empty directory, read-only, and returns when the mount
// is usable. The context applies to starting only; the mount stays until it is unmounted.
// The repository must stay open until Done.
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
		load:   func(ctx context.Context) ([]*snapshot.Manifest, error) { return r.Snapshots(ctx, o.Filter) },
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
		ExtraCapabilities:    fuse.CAP_READDIRPLUS_AUTO, // stat listed names only on demand
		Logger:               log.New(tell, "", 0),
	}
	if o.AllowOther {
		m.AllowOther, m.EnableAcl = true, true
		m.Options = append(m.Options, "default_permissions")
	}
	return m
}

// place checks that a directory can be mounted on, and returns its absolute path.
func place(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	names, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, syscall.ENOTCONN):
		return "", fmt.Errorf("mount on %s: the directory is a mount point of a program that has ended: \"umount %s\" or \"fusermount3 -u %s\" removes it", dir, dir, dir)
	case err != nil:
		return "", fmt.Errorf("mount on %w", err)
	case len(names) > 0:
		return "", fmt.Errorf("mount on %s: the directory is not empty, and the mount would hide its contents", dir)
	}
	return filepath.EvalSymlinks(dir)
}

// Dir returns the absolute path of the mount point.
func (m *Mount) Dir() string { return m.dir }

// Snapshots returns the number of snapshots when they were last listed.
func (m *Mount) Snapshots() int {
	m.listing.mu.Lock()
	defer m.listing.mu.Unlock()
	return len(m.listing.top.items[byID].folder.items)
}

// Done is closed when the repository is no longer mounted, whoever unmounted it, and
// nobody uses the mount.
func (m *Mount) Done() <-chan struct{} { return m.done }

// Unmount unmounts the repository. If the mount is in use, it stays, and the error is a
// *BusyError.
func (m *Mount) Unmount() error {
	if m.ended() {
		return nil
	}
	err := m.server.Unmount()
	if err != nil && !isBusy(err) {
		// If the kernel refuses to unmount for root, the library tries fusermount3, which
		// may not exist, and returns its error. This call returns the kernel's own error.
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

// Detach removes the mount from the file system at once. Processes that use it can
// continue; when they have finished, the mount is Done.
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
