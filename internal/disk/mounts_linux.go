package disk

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

// ReadMounts returns the present mounts, or nothing if /proc isn't mounted.
func ReadMounts() Mounts {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Mounts{}
	}
	return ParseMounts(text)
}

// Clock returns the number of a directory's file system, and the time by the clock with
// which it stamps changes now. An unnamed file in the directory shows that time. ok is
// false if it can't be found out.
func Clock(dir string) (device uint64, now snapshot.Time, ok bool) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, now, false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	var fs unix.Statfs_t
	if unix.Fstat(fd, &st) != nil || unix.Fstatfs(fd, &fs) != nil || uint32(fs.Type) == unix.BCACHEFS_SUPER_MAGIC {
		return 0, now, false // snapshots of the latter have the device number of their origin
	}
	return uint64(st.Dev), snapshot.Time{Sec: st.Ctim.Sec, Nsec: int32(st.Ctim.Nsec)}, true
}

// Types returns the types of the names in the directory, as far as reading the directory
// reveals them. It may be called concurrently with other methods.
func (d *Dir) Types() map[string]snapshot.Type {
	fd, err := openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), d.path)
	defer f.Close()
	entries, _ := f.ReadDir(-1)
	types := make(map[string]snapshot.Type, len(entries))
	for _, e := range entries {
		var known snapshot.Entry
		known.SetFileMode(e.Type())
		types[e.Name()] = known.Type
	}
	return types
}
