package disk

import (
	"errors"
	"io/fs"
	"math"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

// fillSystem sets owner, inode, links and device numbers, and returns the number of the
// file system.
func fillSystem(e *snapshot.Entry, info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	e.UID, e.GID = st.Uid, st.Gid
	e.User, e.Group = users.name(st.Uid), groups.name(st.Gid)
	e.Inode = st.Ino
	if e.Type != snapshot.Dir && st.Nlink > 1 {
		e.Links, e.Device = uint32(min(uint64(st.Nlink), math.MaxUint32)), uint64(st.Dev)
	}
	if e.Type == snapshot.CharDevice || e.Type == snapshot.BlockDevice {
		e.Major, e.Minor = unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
	}
	e.CTime = snapshot.Time{Sec: st.Ctimespec.Sec, Nsec: int32(st.Ctimespec.Nsec)}
	return uint64(st.Dev)
}

// ownerOf returns the owner of a file.
func ownerOf(info fs.FileInfo) (uid, gid uint32, err error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, errors.ErrUnsupported
	}
	return st.Uid, st.Gid, nil
}
