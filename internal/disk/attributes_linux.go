package disk

import (
	"cmp"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

func (o *Out) mknod(e *snapshot.Entry) error {
	kind, dev := uint32(0), 0
	switch e.Type {
	case snapshot.FIFO:
		kind = unix.S_IFIFO
	case snapshot.Socket:
		kind = unix.S_IFSOCK
	case snapshot.CharDevice:
		kind, dev = unix.S_IFCHR, int(unix.Mkdev(e.Major, e.Minor))
	case snapshot.BlockDevice:
		kind, dev = unix.S_IFBLK, int(unix.Mkdev(e.Major, e.Minor))
	default:
		return fmt.Errorf("can't make a %v", e.Type)
	}
	if err := unix.Mknodat(o.fd, e.Name, kind|0o600, dev); err != nil {
		return fmt.Errorf("make %v: %w", e.Type, err)
	}
	return nil
}

// An applier sets the attributes of one file, by descriptor or by name.
type applier struct {
	path   string
	report func(error)
	owner  func() (uid, gid uint32, err error) // the file's present owner
	chown  func(uid, gid int) error
	chmod  func(mode uint32) error // nil for symbolic links
	times  func(mtime unix.Timespec) error
	attrs  attrSource
	set    func(name string, value []byte) error
	remove func(name string) error
}

// apply sets attributes in an order in which no step undoes an earlier one: changing the
// owner clears setuid and capabilities, and setting attributes may change the mode.
func (a applier) apply(e *snapshot.Entry, keep Keep) {
	fail := func(what string, err error) {
		if err != nil {
			a.report(&fs.PathError{Op: "restore " + what, Path: a.path, Err: err})
		}
	}
	if keep.Owner {
		fail("owner", a.chown(int(e.UID), int(e.GID)))
	}
	e = grant(e, a.owner, a.report)
	a.xattrs(e, fail)
	if a.chmod != nil {
		fail("mode", a.chmod(e.Mode))
	}
	fail("time", a.times(timespec(e.MTime)))
}

// xattrs sets the entry's attributes. It removes other ACLs, capabilities and user
// attributes from the file, such as an ACL inherited from the directory.
func (a applier) xattrs(e *snapshot.Entry, fail func(string, error)) {
	have, err := xattrs(a.attrs)
	if err != nil {
		fail("attributes", err)
	}
	want := map[string]bool{}
	for _, x := range e.Xattrs {
		want[x.Name] = true
	}
	for _, x := range have {
		if !want[x.Name] && isOurs(x) {
			if err := a.remove(x.Name); err != unix.ENODATA {
				fail("attribute "+x.Name, err)
			}
		}
	}
	for _, x := range e.Xattrs {
		if err := a.set(x.Name, x.Value); err != nil {
			fail("attribute "+x.Name, err)
		}
	}
}

// isOurs reports whether an attribute that the entry doesn't have is removed. Other
// attributes belong to the system, such as security labels.
func isOurs(x snapshot.Xattr) bool {
	return isCapability(x) || strings.HasPrefix(x.Name, "system.posix_acl_") || strings.HasPrefix(x.Name, "user.")
}

func (o *Out) setTimes(name string) func(unix.Timespec) error {
	return func(mtime unix.Timespec) error {
		times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, mtime}
		return unix.UtimesNanoAt(o.fd, name, times, unix.AT_SYMLINK_NOFOLLOW)
	}
}

// attributesOfFile sets the attributes of a new file except the owner, which it already
// has.
func (o *Out) attributesOfFile(f *NewFile, e *snapshot.Entry, report func(error)) {
	if len(e.Xattrs) > 0 || f.mode != e.Mode || o.bequeaths() {
		o.byDescriptor(f.fd, e.Name, o.setTimes(f.part), report).apply(e, Keep{})
		return
	}
	if err := o.setTimes(f.part)(timespec(e.MTime)); err != nil {
		report(f.fail("restore time", err))
	}
}

func timespec(t snapshot.Time) unix.Timespec {
	return unix.Timespec{Sec: t.Sec, Nsec: int64(t.Nsec)}
}

func (o *Out) byDescriptor(fd int, name string, times func(unix.Timespec) error, report func(error)) applier {
	return applier{
		path: filepath.Join(o.path, name), report: report, times: times,
		owner:  ownerOf(fd),
		chown:  func(uid, gid int) error { return unix.Fchown(fd, uid, gid) },
		chmod:  func(mode uint32) error { return unix.Fchmod(fd, mode) },
		attrs:  fdAttrs(fd),
		set:    func(name string, value []byte) error { return unix.Fsetxattr(fd, name, value, 0) },
		remove: func(name string) error { return unix.Fremovexattr(fd, name) },
	}
}

// ownerOf returns a function that returns the owner of an open file.
func ownerOf(fd int) func() (uid, gid uint32, err error) {
	return func() (uint32, uint32, error) {
		var st unix.Stat_t
		err := unix.Fstat(fd, &st)
		return st.Uid, st.Gid, err
	}
}

func (o *Out) attributesOfName(e *snapshot.Entry, keep Keep, report func(error)) {
	if e.Type == snapshot.Symlink {
		o.attributesOfLink(e, keep, report)
		return
	}
	fd, err := unix.Openat(o.fd, e.Name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		report(o.fail("restore attributes", e.Name, err))
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT == unix.S_IFLNK {
		report(o.fail("restore attributes", e.Name, cmp.Or(err, error(unix.ELOOP))))
		return
	}
	// Use the one file whose owner is known, even if another file takes its place
	// meanwhile.
	path := fmt.Sprintf("/proc/self/fd/%d", fd)
	a := applier{
		path: filepath.Join(o.path, e.Name), report: report, owner: ownerOf(fd),
		chown: func(uid, gid int) error { return unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH) },
		chmod: func(mode uint32) error { return unix.Chmod(path, mode) },
		times: func(mtime unix.Timespec) error {
			return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{{Nsec: unix.UTIME_OMIT}, mtime}, 0)
		},
		attrs: attrSource{
			func(buf []byte) (int, error) { return unix.Listxattr(path, buf) },
			func(name string, buf []byte) (int, error) { return unix.Getxattr(path, name, buf) },
		},
		set:    func(name string, value []byte) error { return unix.Setxattr(path, name, value, 0) },
		remove: func(name string) error { return unix.Removexattr(path, name) },
	}
	a.apply(e, keep)
}

func (o *Out) attributesOfLink(e *snapshot.Entry, keep Keep, report func(error)) {
	path := attrPath(o.fd, e.Name)
	a := applier{
		path: filepath.Join(o.path, e.Name), report: report, times: o.setTimes(e.Name),
		owner: func() (uint32, uint32, error) { return 0, 0, unix.ENOTSUP }, // such a file has no privileges
		chown: func(uid, gid int) error {
			return unix.Fchownat(o.fd, e.Name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
		},
		attrs:  nameAttrs(o.fd, e.Name),
		set:    func(name string, value []byte) error { return unix.Lsetxattr(path, name, value, 0) },
		remove: func(name string) error { return unix.Lremovexattr(path, name) },
	}
	a.apply(e, keep)
}

// SetTime sets the directory's modification time.
func (o *Out) SetTime(mtime snapshot.Time) error {
	if err := o.setTimes(".")(timespec(mtime)); err != nil {
		return &fs.PathError{Op: "restore time", Path: o.path, Err: err}
	}
	return nil
}

// Finish sets the directory's attributes, when everything in it is written.
func (o *Out) Finish(e *snapshot.Entry, keep Keep, report func(error)) {
	o.byDescriptor(o.fd, "", o.setTimes("."), report).apply(e, keep)
}
