package treetest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Describe returns a line for each name below a directory, by its path: type, mode,
// owner, size, modification time, target, device, attributes, holes, hard links and
// a hash of the content. The directory's own line is under ".".
func Describe(t testing.TB, dir string) map[string]string {
	t.Helper()
	d := &describer{t: t, out: map[string]string{}, links: map[[2]uint64][]string{}}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	defer unix.Close(fd)
	d.name(fd, ".", ".")
	d.dir(fd, "")
	for _, names := range d.links {
		slices.Sort(names)
		for _, n := range names {
			d.out[n] += " links " + strings.Join(names, ",")
		}
	}
	return d.out
}

type describer struct {
	t     testing.TB
	out   map[string]string
	links map[[2]uint64][]string
}

// dir describes what is in an open directory: paths may be too long for the system.
func (d *describer) dir(fd int, path string) {
	dup, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		d.t.Fatalf("%s: %v", path, err)
	}
	f := os.NewFile(uintptr(dup), path)
	names, err := f.Readdirnames(-1)
	f.Close()
	if err != nil {
		d.t.Fatalf("%s: %v", path, err)
	}
	for _, name := range names {
		full := filepath.Join(path, name)
		if d.name(fd, name, full) {
			sub, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
			if err != nil {
				d.t.Fatalf("%s: %v", full, err)
			}
			d.dir(sub, full)
			unix.Close(sub)
		}
	}
}

// name describes one name, and reports whether it is a directory.
func (d *describer) name(dir int, name, full string) bool {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		d.t.Fatalf("%s: %v", full, err)
	}
	line := fmt.Sprintf("mode %o owner %d:%d mtime %d.%09d", st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
	kind := st.Mode & unix.S_IFMT
	switch kind {
	case unix.S_IFLNK:
		buf := make([]byte, 4096)
		n, err := unix.Readlinkat(dir, name, buf)
		if err != nil {
			d.t.Fatalf("%s: %v", full, err)
		}
		line += fmt.Sprintf(" target %q", buf[:n])
	case unix.S_IFCHR, unix.S_IFBLK:
		line += fmt.Sprintf(" device %x", st.Rdev)
	case unix.S_IFREG:
		line += fmt.Sprintf(" size %d", st.Size) + d.content(dir, name, full, st.Size)
	}
	if kind != unix.S_IFDIR && st.Nlink > 1 {
		key := [2]uint64{uint64(st.Dev), st.Ino}
		d.links[key] = append(d.links[key], full)
	}
	d.out[full] = line + d.xattrs(fmt.Sprintf("/proc/self/fd/%d/%s", dir, name))
	return kind == unix.S_IFDIR && name != "."
}

func (d *describer) content(dir int, name, full string, size int64) string {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		d.t.Fatalf("%s: %v", full, err)
	}
	f := os.NewFile(uintptr(fd), full)
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		d.t.Fatalf("%s: %v", full, err)
	}
	out := fmt.Sprintf(" sha256 %x", h.Sum(nil)[:8])
	for at := int64(0); at < size; {
		hole, err := unix.Seek(fd, at, unix.SEEK_HOLE)
		if err != nil || hole >= size {
			break
		}
		data, err := unix.Seek(fd, hole, unix.SEEK_DATA)
		if err != nil {
			data = size
		}
		out += fmt.Sprintf(" hole %d-%d", hole, data)
		at = data
	}
	return out
}

func (d *describer) xattrs(path string) string {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if err != nil || n == 0 {
		return ""
	}
	names := strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00")
	slices.Sort(names)
	var out strings.Builder
	for _, name := range names {
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			d.t.Fatalf("%s: %s: %v", path, name, err)
		}
		fmt.Fprintf(&out, " %s=%x", name, value[:n])
	}
	return out.String()
}
