package governor

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// HostShare is the directory of the runs of a host.
const HostShare = "/run/qsnap/budget"

// OpenShare takes part in the budget of the host, whose directory is host. Root makes the
// directory. Where that is impossible, the budget is shared with the runs of this user, whose
// directory is user, and Why says so. The caller closes the Share.
func OpenShare(host, user string, random io.Reader) *Share {
	err := openHostShare(host)
	if err == nil {
		var s *Share
		if s, err = join(host, WithHost, random); err == nil {
			return s
		}
	}
	if e := os.MkdirAll(user, 0o700); e != nil {
		return &Share{With: "", Why: errors.Join(err, e), part: share{1, 1}}
	}
	s, e := join(user, WithUser, random)
	if e != nil {
		return &Share{With: "", Why: errors.Join(err, e), part: share{1, 1}}
	}
	s.Why = err
	return s
}

// openHostShare makes the directory of the host, if this process may, and returns an error
// unless only root can have made it.
func openHostShare(dir string) error {
	if os.Geteuid() == 0 {
		if err := makeDir(filepath.Dir(dir), 0o755); err != nil {
			return err
		}
		if err := makeDir(dir, 0o777|os.ModeSticky); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		path   string
		others uint32 // what others than root may be able to do
	}{{filepath.Dir(dir), 0}, {dir, 0o022}} {
		var st unix.Stat_t
		if err := unix.Lstat(d.path, &st); err != nil {
			return &os.PathError{Op: "stat", Path: d.path, Err: err}
		}
		switch {
		case st.Mode&unix.S_IFMT != unix.S_IFDIR:
			return fmt.Errorf("%s is no directory", d.path)
		case st.Uid != 0 && st.Uid != uint32(os.Geteuid()) || st.Mode&0o022&^d.others != 0:
			return fmt.Errorf("%s can be changed by others than root", d.path)
		case d.others != 0 && st.Mode&(unix.S_ISVTX|0o002) != unix.S_ISVTX|0o002:
			return fmt.Errorf("%s needs the mode 1777, and has %04o", d.path, st.Mode&0o7777)
		}
	}
	return nil
}

// makeDir makes a directory of a mode, whatever the umask is, unless there is one.
func makeDir(dir string, mode os.FileMode) error {
	err := os.Mkdir(dir, mode.Perm())
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err == nil {
		err = os.Chmod(dir, mode)
	}
	return err
}

// join makes this run's file in a directory.
func join(dir, with string, random io.Reader) (*Share, error) {
	var name [16]byte
	if _, err := io.ReadFull(random, name[:]); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, hex.EncodeToString(name[:]))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, err
	}
	// A lock of the open file, which no other user can take, since that needs to write.
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		_, err = f.WriteAt(demand{}.line(), 0)
	}
	if err != nil {
		_ = os.Remove(path)
		_ = f.Close()
		return nil, err
	}
	return &Share{With: with, dir: dir, own: f, part: share{1, 1}}, nil
}

// Close gives the budget back.
func (s *Share) Close() error {
	if s.own == nil {
		return nil
	}
	err := os.Remove(s.own.Name())
	err = errors.Join(err, s.own.Close())
	s.own = nil
	return err
}

// abandonedAfter is how long a file whose run is dead stays.
const abandonedAfter = time.Minute

// peers returns the other runs that live.
func (s *Share) peers() (all []peer) {
	d, err := os.Open(s.dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxPeers)
	seen := map[uint64]bool{}
	var own unix.Stat_t
	if unix.Fstat(int(s.own.Fd()), &own) == nil {
		seen[own.Ino] = true
	}
	for _, name := range names {
		if p, inode, ok := readPeer(int(d.Fd()), name); ok && !seen[inode] {
			seen[inode] = true
			all = append(all, p)
		}
	}
	return all
}

// readPeer reads the file of a run. It removes one whose run is dead, if it may.
func readPeer(dir int, name string) (p peer, inode uint64, ok bool) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return peer{}, 0, false
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return peer{}, 0, false
	}
	// Only a lock for writing is in the way of one for reading.
	lock := unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart}
	if unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lock) != nil {
		return peer{}, 0, false
	}
	if lock.Type == unix.F_UNLCK {
		var now unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_REALTIME, &now)
		if age := time.Duration(now.Nano() - st.Mtim.Nano()); age > abandonedAfter && st.Uid == uint32(os.Geteuid()) {
			_ = unix.Unlinkat(dir, name, 0)
		}
		return peer{}, 0, false
	}
	d, ok := readDemand(f)
	return peer{int(st.Uid), d}, st.Ino, ok
}
