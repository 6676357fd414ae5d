package disk

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Identify returns the identity of what has a name. It doesn't follow a symbolic link,
// and doesn't trigger an automounter. An empty name is the directory itself.
func (d *Dir) Identify(name string) (Identity, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	var st unix.Statx_t
	for {
		err := unix.Statx(d.fd, name, flags, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &st)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return Identity{}, d.fail("stat", name, err)
		}
	}
	p := Identity{Device: unix.Mkdev(st.Dev_major, st.Dev_minor), Inode: st.Ino, Mount: st.Mnt_id}
	if st.Mask&unix.STATX_MNT_ID == 0 {
		p.Mount = d.mountOf(name)
	}
	return p, nil
}

// mountOf reads the mount of a name from /proc: kernels before 5.8 provide it nowhere
// else.
func (d *Dir) mountOf(name string) uint64 {
	fd := d.fd
	if name != "" {
		opened, err := unix.Openat(d.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0
		}
		defer unix.Close(opened)
		fd = opened
	}
	text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if id, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			n, _ := strconv.ParseUint(strings.TrimSpace(id), 10, 64)
			return n
		}
	}
	return 0
}

// Unlink removes a name that is not a directory.
func (o *Out) Unlink(name string) error { return o.unlink(name, 0) }

// Rmdir removes an empty directory.
func (o *Out) Rmdir(name string) error { return o.unlink(name, unix.AT_REMOVEDIR) }

func (o *Out) unlink(name string, flags int) error {
	if err := o.check(name); err != nil {
		return err
	}
	return o.failure("remove", name, unix.Unlinkat(o.fd, name, flags))
}

// LeadsToDir reports whether a symbolic link leads to a directory, anywhere.
func (d *Dir) LeadsToDir(name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(d.fd, name, &st, unix.AT_NO_AUTOMOUNT) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// Through opens the directory that a symbolic link leads to, anywhere.
func (o *Out) Through(name string) (*Out, error) {
	if err := o.check(name); err != nil {
		return nil, err
	}
	fd, err := openat(o.fd, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, o.fail("open", name, err)
	}
	return &Out{Dir: &Dir{fd: fd, path: o.path + "/" + name}, session: o.session}, nil
}

// IsReadOnly reports whether a path is known to be on a read-only file system.
func IsReadOnly(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Flags&unix.ST_RDONLY != 0
}
