package treetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Bytes returns pseudo-random bytes, the same for the same seed.
func Bytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), 1}).Read(b)
	return b
}

// A maker makes a tree.
type maker struct {
	t   testing.TB
	dir string
}

func (m maker) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m maker) path(name string) string { return filepath.Join(m.dir, name) }

func (m maker) file(name string, content []byte, mode os.FileMode) {
	m.t.Helper()
	m.check(os.MkdirAll(filepath.Dir(m.path(name)), 0o755))
	m.check(os.WriteFile(m.path(name), content, 0o600))
	m.check(os.Chmod(m.path(name), mode))
}

func (m maker) xattr(name, attr string, value []byte) {
	m.t.Helper()
	m.check(unix.Lsetxattr(m.path(name), attr, value, 0))
}

func (m maker) mtime(name string, sec, nsec int64) {
	m.t.Helper()
	times := []unix.Timespec{{Sec: sec, Nsec: nsec}, {Sec: sec, Nsec: nsec}}
	m.check(unix.UtimesNanoAt(unix.AT_FDCWD, m.path(name), times, unix.AT_SYMLINK_NOFOLLOW))
}

// acl returns a POSIX ACL as the kernel keeps it (linux/posix_acl_xattr.h): owner
// rw, user 1234 r, group r, mask r, others none.
func acl() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 6, ^uint32(0)}, {2, 4, 1234}, {4, 4, ^uint32(0)}, {0x10, 4, ^uint32(0)}, {0x20, 0, ^uint32(0)}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

// Odd makes a tree with one of everything that a file system allows this user.
func Odd(t testing.TB, dir string) {
	t.Helper()
	m := maker{t, dir}
	m.check(os.MkdirAll(dir, 0o755))
	m.file("plain.txt", []byte("hello\n"), 0o644)
	m.file("empty", nil, 0o600)
	m.file("one-chunk", Bytes(1, 128<<10), 0o640)
	m.file("two-chunks", Bytes(2, 128<<10+1), 0o640)
	m.file("large", Bytes(3, 9<<20), 0o644)
	m.file("repetitive", bytes.Repeat([]byte("all work and no play\n"), 100_000), 0o644)
	m.file("mode/setuid", []byte("#!/bin/sh\n"), 0o755|os.ModeSetuid)
	m.file("mode/setgid", []byte("#!/bin/sh\n"), 0o755|os.ModeSetgid)
	m.file("mode/none", []byte("x"), 0)
	m.file("names/new\nline", []byte("x"), 0o644)
	m.file("names/not-utf8-\xff\xfe", []byte("x"), 0o644)
	m.file("names/ umlaut ä ", []byte("x"), 0o644)
	m.file("names/"+strings.Repeat("n", 255), []byte("x"), 0o644)
	m.file("names/-rf", []byte("x"), 0o644)
	m.links()
	m.sparse()
	m.special()
	m.attributes()
	m.deep()
	m.file("times/before-1970", []byte("x"), 0o644)
	m.mtime("times/before-1970", -86400, 123456789)
	m.file("times/future", []byte("x"), 0o644)
	m.mtime("times/future", 7258118400, 999999999)
	m.check(os.MkdirAll(m.path("empty-dir"), 0o755))
	m.check(os.Mkdir(m.path("sticky-dir"), 0o755))
	m.check(os.Chmod(m.path("sticky-dir"), 0o777|os.ModeSticky))
	m.file("read-only-dir/file", []byte("x"), 0o444)
	m.check(os.Chmod(m.path("read-only-dir"), 0o555))
	m.mtime("empty-dir", 1_000_000_000, 1)
	m.mtime(".", 1_100_000_000, 2)
	t.Cleanup(func() { os.Chmod(m.path("read-only-dir"), 0o755) })
}

func (m maker) links() {
	m.file("links/target", []byte("linked"), 0o644)
	m.check(os.Symlink("target", m.path("links/relative")))
	m.check(os.Symlink("/nowhere/at/all", m.path("links/dangling")))
	m.check(os.Symlink("..", m.path("links/up")))
	m.check(os.Symlink("bytes\xff", m.path("links/bytes")))
	m.mtime("links/dangling", 1_234_567_890, 5)
	m.file("links/hard-1", Bytes(4, 300<<10), 0o644)
	m.check(os.MkdirAll(m.path("links/sub"), 0o755))
	m.check(os.Link(m.path("links/hard-1"), m.path("links/hard-2")))
	m.check(os.Link(m.path("links/hard-1"), m.path("links/sub/hard-3")))
	m.file("links/large-hard-1", Bytes(5, 9<<20), 0o644)
	m.check(os.Link(m.path("links/large-hard-1"), m.path("links/large-hard-2")))
}

// sparse makes files with holes at their beginning, middle and end.
func (m maker) sparse() {
	m.check(os.MkdirAll(m.path("sparse"), 0o755))
	for name, data := range map[string][]int64{
		"all":    nil,
		"begin":  {8 << 20},
		"middle": {0, 5 << 20},
		"end":    {0},
		"many":   {0, 1 << 20, 2 << 20, 3 << 20, 16 << 20},
	} {
		f, err := os.Create(m.path("sparse/" + name))
		m.check(err)
		m.check(f.Truncate(20 << 20))
		for i, at := range data {
			_, err := f.WriteAt(Bytes(uint64(10+i), 64<<10), at)
			m.check(err)
		}
		m.check(f.Close())
	}
}

func (m maker) special() {
	m.check(os.MkdirAll(m.path("special"), 0o755))
	m.check(unix.Mkfifo(m.path("special/fifo"), 0o640))
	m.check(unix.Mknod(m.path("special/socket"), unix.S_IFSOCK|0o600, 0))
	if os.Geteuid() == 0 {
		m.check(unix.Mknod(m.path("special/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		m.check(unix.Mknod(m.path("special/loop"), unix.S_IFBLK|0o660, int(unix.Mkdev(7, 200))))
	}
}

func (m maker) attributes() {
	m.file("attributes/user", []byte("x"), 0o644)
	m.xattr("attributes/user", "user.comment", []byte("hello\x00world"))
	m.xattr("attributes/user", "user.empty", nil)
	m.file("attributes/large", []byte("x"), 0o644)
	m.xattr("attributes/large", "user.large", Bytes(6, 2000))
	m.file("attributes/acl", []byte("x"), 0o640)
	m.xattr("attributes/acl", "system.posix_acl_access", acl())
	m.check(os.MkdirAll(m.path("attributes/dir"), 0o755))
	m.xattr("attributes/dir", "user.on-a-directory", []byte("yes"))
	m.xattr("attributes/dir", "system.posix_acl_default", acl())
	m.file("attributes/dir/inherits", []byte("x"), 0o640)
	if os.Geteuid() == 0 {
		m.file("attributes/owned", []byte("x"), 0o4755|os.ModeSetuid)
		m.check(os.Lchown(m.path("attributes/owned"), 1234, 4321))
		m.check(os.Chmod(m.path("attributes/owned"), 0o755|os.ModeSetuid))
		m.check(os.Symlink("x", m.path("attributes/owned-link")))
		m.check(os.Lchown(m.path("attributes/owned-link"), 1234, 4321))
		m.xattr("attributes/owned", "trusted.secret", []byte("root only"))
		m.xattr("attributes/owned-link", "trusted.link", []byte("on a link"))
	}
}

// deep makes a path far longer than PATH_MAX, 4,096 bytes.
func (m maker) deep() {
	fd, err := unix.Open(m.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	m.check(err)
	for i := range 30 {
		name := fmt.Sprintf("deep-%02d-%s", i, strings.Repeat("d", 200))
		m.check(unix.Mkdirat(fd, name, 0o755))
		next, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		m.check(err)
		unix.Close(fd)
		fd = next
	}
	file, err := unix.Openat(fd, "bottom", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
	m.check(err)
	_, err = unix.Write(file, []byte("made it"))
	m.check(err)
	unix.Close(file)
	unix.Close(fd)
}

// Same fails the test unless two trees are the same in all that Describe tells.
func Same(t testing.TB, want, got string) {
	t.Helper()
	a, b := Describe(t, want), Describe(t, got)
	Equal(t, a, b)
}

// Equal fails the test unless two descriptions are the same.
func Equal(t testing.TB, want, got map[string]string) {
	t.Helper()
	shown := 0
	for p, line := range want {
		if got[p] != line && shown < 10 {
			shown++
			t.Errorf("%q:\n got %q\nwant %q", short(p), got[p], line)
		}
	}
	for p := range got {
		if _, ok := want[p]; !ok && shown < 10 {
			shown++
			t.Errorf("%q should not be there", short(p))
		}
	}
}

func short(p string) string {
	if len(p) > 80 {
		return p[:80] + "…"
	}
	return p
}
