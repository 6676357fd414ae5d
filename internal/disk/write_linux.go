package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

// An Out is an open directory to write to. Several goroutines may call its methods, until
// Close. Names must be single elements of a path.
type Out struct {
	*Dir // the same directory, for reading

	session Session

	once     sync.Once
	inherits bool // new files in it inherit an ACL; set by once
}

// OpenOut opens a directory to write to it, and to nothing outside of it, for a session.
func OpenOut(path string, s Session) (*Out, error) {
	d, err := OpenDir(path)
	if err != nil {
		return nil, err
	}
	return &Out{Dir: d, session: s}, nil
}

// Sub opens a subdirectory. A symbolic link is not one.
func (o *Out) Sub(name string) (*Out, error) {
	if err := o.check(name); err != nil {
		return nil, err
	}
	d, err := o.Dir.Sub(name)
	if err != nil {
		return nil, err
	}
	return &Out{Dir: d, session: o.session}, nil
}

// check refuses a name that could lead out of the directory.
func (o *Out) check(name string) error {
	if err := checkName(runtime.GOOS, name); err != nil {
		return o.fail("write", name, err)
	}
	return nil
}

// Mkdir makes a directory that only the user can access. Finish sets its mode later.
func (o *Out) Mkdir(name string) error {
	err := o.check(name)
	if err == nil {
		err = o.failure("mkdir", name, ofName(unix.Mkdirat(o.fd, name, 0o700)))
	}
	return err
}

func (o *Out) failure(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return o.fail(op, name, err)
}

// Remove removes whatever has the name, with everything in it.
func (o *Out) Remove(name string) error {
	if err := o.check(name); err != nil {
		return err
	}
	return o.Dir.remove(name)
}

func (d *Dir) remove(name string) error {
	err := unix.Unlinkat(d.fd, name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	sub, notDir := d.Sub(name)
	if notDir != nil {
		return d.fail("remove", name, err)
	}
	names, err := sub.Names()
	for _, n := range names {
		if err = sub.remove(n); err != nil {
			break
		}
	}
	if err = errors.Join(err, sub.Close()); err != nil {
		return err
	}
	if err := unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR); err != nil && err != unix.ENOENT {
		return d.fail("remove", name, err)
	}
	return nil
}

// A NewFile is a file being written, under its own name or under a temporary one until
// Commit.
type NewFile struct {
	fd   int // -1 while closed
	part string
	mode uint32
	dir  *Dir // for messages
	name string
}

// Create begins a file that will become the entry. The file has the entry's owner before
// it has data, and never more permissions than it will have in the end. If named is set
// and its name is free, it has its name at once; otherwise it gets its name when it is
// complete.
func (o *Out) Create(e *snapshot.Entry, named bool, keep Keep, report func(error)) (*NewFile, error) {
	if err := o.check(e.Name); err != nil {
		return nil, err
	}
	mode := uint32(0o600)
	if len(e.Xattrs) == 0 && !o.bequeaths() { // otherwise an ACL changes the meaning of the bits
		mode |= e.Mode & 0o777
	}
	f := &NewFile{fd: -1, part: e.Name, dir: o.Dir, name: e.Name}
	var err error
	if named {
		err = o.open(f, unix.O_CREAT|unix.O_EXCL, mode)
	}
	if !named || errors.Is(err, fs.ErrExist) {
		f.part = o.partName()
		err = o.open(f, unix.O_CREAT|unix.O_EXCL, mode)
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return nil, errors.Join(f.fail("stat", err), o.Abort(f))
	}
	f.mode = st.Mode & 0o7777
	if keep.Owner && (st.Uid != e.UID || st.Gid != e.GID) {
		if err := unix.Fchown(f.fd, int(e.UID), int(e.GID)); err != nil {
			report(f.fail("restore owner", err))
		}
	}
	return f, nil
}

// bequeaths reports whether new files in the directory inherit its ACL.
func (o *Out) bequeaths() bool {
	o.once.Do(func() {
		n, err := unix.Fgetxattr(o.fd, "system.posix_acl_default", nil)
		o.inherits = err == nil && n > 0 || err == unix.EACCES || err == unix.EPERM
	})
	return o.inherits
}

// Reopen opens an incomplete file that was closed.
func (o *Out) Reopen(f *NewFile) error { return o.open(f, 0, 0) }

func (o *Out) open(f *NewFile, flags int, mode uint32) error {
	for {
		fd, err := unix.Openat(o.fd, f.part, flags|unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		switch err {
		case nil:
			f.fd = fd
			return nil
		case unix.EINTR:
		default:
			if flags&unix.O_CREAT != 0 && f.part == f.name {
				err = ofName(err)
			}
			return f.fail("open", err)
		}
	}
}

func (f *NewFile) fail(op string, err error) error {
	return f.dir.fail(op, f.name, err)
}

// IsOpen reports whether the file can be written to.
func (f *NewFile) IsOpen() bool { return f.fd >= 0 }

// longWrite is the smallest write for which WriteAt makes the disk start at once.
const longWrite = 1 << 20

// WriteAt implements io.WriterAt. The disk starts long writes at once, so that the final
// sync waits only for the last of them.
func (f *NewFile) WriteAt(p []byte, off int64) (int, error) {
	done, err := f.writeAt(p, off)
	if err != nil || done < longWrite {
		return done, err
	}
	switch err := unix.SyncFileRange(f.fd, off, int64(done), unix.SYNC_FILE_RANGE_WRITE); err {
	case unix.EIO, unix.ENOSPC, unix.EDQUOT: // the sync may not report it again
		return 0, f.fail("write", err)
	}
	return done, nil // started, or left to the sync
}

func (f *NewFile) writeAt(p []byte, off int64) (done int, err error) {
	for done < len(p) {
		n, err := unix.Pwrite(f.fd, p[done:], off+int64(done))
		if err == unix.EINTR {
			continue
		}
		if err == nil && n == 0 {
			err = unix.EIO
		}
		if err != nil {
			return done, f.fail("write", err)
		}
		done += n
	}
	return done, nil
}

// Truncate sets the file's size.
func (f *NewFile) Truncate(size int64) error {
	for {
		if err := unix.Ftruncate(f.fd, size); err != unix.EINTR {
			if err != nil {
				err = f.fail("truncate", err)
			}
			return err
		}
	}
}

// Pause closes the file temporarily.
func (f *NewFile) Pause() error {
	err := unix.Close(f.fd)
	f.fd = -1
	if err != nil {
		return f.fail("close", err)
	}
	return nil
}

// Abort removes the file, open or not.
func (o *Out) Abort(f *NewFile) error {
	var err error
	if f.IsOpen() {
		err = f.Pause()
	}
	return errors.Join(err, o.removePart(f.part))
}

func (o *Out) removePart(part string) error {
	return o.failure("remove", part, unix.Unlinkat(o.fd, part, 0))
}

// Commit closes the file, which must be open, sets the entry's attributes and gives the
// file its name. It replaces what has the name, unless that is a directory. Attributes
// that can't be set are reported and are no error. After an error the file is gone.
func (o *Out) Commit(f *NewFile, e *snapshot.Entry, report func(error)) error {
	part, err := o.Complete(f, e, report)
	if err != nil || part == e.Name {
		return err
	}
	return o.place(part, e.Name)
}

// Complete does what Commit does, but leaves the file its present name.
func (o *Out) Complete(f *NewFile, e *snapshot.Entry, report func(error)) (part string, err error) {
	o.attributesOfFile(f, e, report)
	if err := f.Pause(); err != nil {
		return "", errors.Join(err, o.removePart(f.part))
	}
	return f.part, nil
}

// place gives a part its name.
func (o *Out) place(part, name string) error {
	if err := unix.Renameat(o.fd, part, o.fd, name); err != nil {
		left := o.removePart(part)
		if errors.Is(left, fs.ErrNotExist) {
			left = nil
		}
		return errors.Join(o.fail("rename to", name, ofName(err)), left)
	}
	return nil
}

// Link gives a file of another directory a name in this one. It replaces what has the
// name, unless that is a directory.
func (o *Out) Link(from *Out, fromName, name string) error {
	part, err := o.LinkPart(from, fromName, name)
	if err != nil {
		return err
	}
	err = o.failure("rename to", name, ofName(unix.Renameat(o.fd, part, o.fd, name)))
	// rename(2) does nothing if both names are those of one file.
	if e := o.removePart(part); err == nil && !errors.Is(e, fs.ErrNotExist) {
		err = e
	}
	return err
}

// LinkPart gives a file of another directory a temporary name here, from which it can get
// its own name.
func (o *Out) LinkPart(from *Out, fromName, name string) (part string, err error) {
	if err := errors.Join(from.check(fromName), o.check(name)); err != nil {
		return "", err
	}
	part = o.partName()
	if err := unix.Linkat(from.fd, fromName, o.fd, part, 0); err != nil {
		return "", o.fail("link", name, err)
	}
	return part, nil
}

// Make makes an entry that is neither file nor directory. It replaces what has its name,
// unless that is a directory.
func (o *Out) Make(e *snapshot.Entry, keep Keep, report func(error)) error {
	part, err := o.MakePart(e, keep, report)
	if err != nil {
		return err
	}
	return o.place(part, e.Name)
}

// MakePart does what Make does, but under a temporary name, from which the entry can get
// its own.
func (o *Out) MakePart(e *snapshot.Entry, keep Keep, report func(error)) (name string, err error) {
	if err := o.check(e.Name); err != nil {
		return "", err
	}
	part := *e
	part.Name = o.partName()
	if e.Type == snapshot.Symlink {
		err = unix.Symlinkat(e.Target, o.fd, part.Name)
	} else {
		err = o.mknod(&part)
	}
	if err != nil {
		_ = unix.Unlinkat(o.fd, part.Name, 0) // some file systems create a file and then fail
		return "", fmt.Errorf("%s: %w", filepath.Join(o.path, e.Name), err)
	}
	o.attributesOfName(&part, keep, report)
	return part.Name, nil
}

// Apply sets the entry's attributes on what has its name and type: a file, or what Make
// makes.
func (o *Out) Apply(e *snapshot.Entry, keep Keep, report func(error)) {
	if err := o.check(e.Name); err != nil {
		report(err)
		return
	}
	o.attributesOfName(e, keep, report)
}

// Unlock lets the user write to the directory until Finish, if the user owns it.
func (o *Out) Unlock() error {
	var st unix.Stat_t
	if err := unix.Fstat(o.fd, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: o.path, Err: err}
	}
	if !o.Locks(st.Mode) {
		return nil
	}
	return o.Chmod(st.Mode&0o7777 | 0o700)
}

// Locks reports whether a directory of the user with that mode must be unlocked.
func (o *Out) Locks(mode uint32) bool { return mode&0o700 != 0o700 && unix.Geteuid() != 0 }

// Chmod sets the directory's mode.
func (o *Out) Chmod(mode uint32) error {
	if err := unix.Fchmod(o.fd, mode); err != nil {
		return &fs.PathError{Op: "chmod", Path: o.path, Err: err}
	}
	return nil
}

// Sync makes everything that was written to the directory's file system durable.
func (o *Out) Sync() error {
	if err := unix.Syncfs(o.fd); err != nil && !errors.Is(err, unix.ENOSYS) {
		return &fs.PathError{Op: "sync", Path: o.path, Err: err}
	}
	return nil
}
