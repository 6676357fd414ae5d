package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

func openOut(t *testing.T, path string) *Out {
	t.Helper()
	out, err := OpenOut(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return out
}

// write writes a file as an extraction does.
func write(t *testing.T, out *Out, e *snapshot.Entry, named bool, data string) error {
	t.Helper()
	report := func(err error) { t.Error(err) }
	f, err := out.Create(e, named, Keep{Owner: os.Geteuid() == 0}, report)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte(data), 0); err != nil {
		return err
	}
	return out.Commit(f, e, report)
}

func TestLongAndShortWritesMakeAFileInAnyOrder(t *testing.T) {
	top := t.TempDir()
	out := openOut(t, top)
	data := make([]byte, 2*longWrite+1000)
	for i := range data {
		data[i] = byte(i * i >> 8)
	}
	e := &snapshot.Entry{Name: "file", Mode: 0o600, UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Size: int64(len(data))}
	report := func(err error) { t.Error(err) }
	f, err := out.Create(e, false, Keep{}, report)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][2]int{{longWrite + 100, 2*longWrite + 500}, {2*longWrite + 500, len(data)}, {0, longWrite + 100}} {
		if n, err := f.WriteAt(data[part[0]:part[1]], int64(part[0])); err != nil || n != part[1]-part[0] {
			t.Fatalf("%d bytes are written of %v: %v", n, part, err)
		}
	}
	if err := out.Commit(f, e, report); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(top, "file")); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes are there, or others: %v", len(got), err)
	}
}

func TestNoNameLeadsOutOfADirectory(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	kept := filepath.Join(top, "out", "kept")
	if err := os.WriteFile(kept, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link": "../out", "dangling": "../out/new", "file": "../out/kept"} {
		if err := os.Symlink(to, filepath.Join(top, "in", name)); err != nil {
			t.Fatal(err)
		}
	}
	out := openOut(t, filepath.Join(top, "in"))
	report := func(error) {}
	for _, name := range []string{"", ".", "..", "../out", "link/kept", "link/", "/", kept} {
		e := snapshot.Entry{Name: name, Mode: 0o644, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
		pipe := e
		pipe.Type = snapshot.FIFO
		sub, subErr := out.Sub(name)
		if subErr == nil {
			sub.Close()
		}
		for what, err := range map[string]error{
			"sub": subErr, "mkdir": out.Mkdir(name), "remove": out.Remove(name), "make": out.Make(&pipe, Keep{}, report),
			"write": write(t, out, &e, false, "x"), "write named": write(t, out, &e, true, "x"), "link": out.Link(out, "file", name), "link from": out.Link(out, name, "linked"),
		} {
			if err == nil {
				t.Errorf("%s of %q was done", what, name)
			}
		}
	}
	if _, err := out.Sub("link"); err == nil {
		t.Error("a symbolic link was opened as a directory")
	}
	for _, name := range []string{"dangling", "file"} { // a file takes the place of a link
		e := snapshot.Entry{Name: name, Mode: 0o644, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
		if err := write(t, out, &e, name == "file", "inside"); err != nil {
			t.Error(err)
		}
	}
	if err := out.Remove("link"); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(kept); err != nil || string(b) != "kept" {
		t.Errorf("a file outside: %q, %v", b, err)
	}
	entries, err := os.ReadDir(filepath.Join(top, "out"))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d names outside, %v", len(entries), err)
	}
}

func TestRemoveTakesAllThatIsInADirectory(t *testing.T) {
	top := t.TempDir()
	deep := filepath.Join(top, "dir", strings.Repeat("d/", 200))
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(deep, name), nil, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	out := openOut(t, top)
	for _, name := range []string{"dir", "there is none"} {
		if err := out.Remove(name); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(top); err != nil || len(entries) > 0 {
		t.Errorf("%d names left, %v", len(entries), err)
	}
}

// What is still being written can be read by nobody who can't read it in the end.
func TestAnUnfinishedFileIsNoMoreOpenThanItWillBe(t *testing.T) {
	out := openOut(t, t.TempDir())
	report := func(err error) { t.Error(err) }
	for _, mode := range []uint32{0o600, 0o400, 0o640, 0o644, 0o777, 0o4755, 0o2755, 0} {
		for i, xattrs := range [][]snapshot.Xattr{nil, {{Name: "user.x", Value: []byte("1")}}} {
			e := snapshot.Entry{Name: "f", Mode: mode, UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Xattrs: xattrs}
			if os.Geteuid() == 0 {
				e.UID, e.GID = 1, 2
			}
			f, err := out.Create(&e, i == 0, Keep{Owner: os.Geteuid() == 0}, report)
			if err != nil {
				t.Fatal(err)
			}
			var st unix.Stat_t
			if err := unix.Fstat(f.fd, &st); err != nil {
				t.Fatal(err)
			}
			if st.Uid != e.UID || st.Gid != e.GID || st.Mode&0o7077&^mode != 0 {
				t.Errorf("mode %o: at first it is of %d:%d with %o", mode, st.Uid, st.Gid, st.Mode&0o7777)
			}
			var have snapshot.Entry
			if err := out.Commit(f, &e, func(error) {}); err != nil { // not every file system has attributes
				t.Fatal(err)
			}
			if _, err := out.Lstat("f", &have); err != nil || have.Mode != mode || have.UID != e.UID || have.GID != e.GID {
				t.Errorf("mode %o: in the end it is of %d:%d with %o, %v", mode, have.UID, have.GID, have.Mode, err)
			}
		}
	}
}

func TestAFileHasItsNameAtOnceIfNothingElseHasIt(t *testing.T) {
	out := openOut(t, t.TempDir())
	e := snapshot.Entry{Name: "f", Mode: 0o644}
	for _, c := range []struct {
		named  bool
		begun  string // what the name stands for while the file is written
		at     string // and when it is given up
		aborts bool
	}{
		{true, "new", "", true}, {false, "", "", true}, {true, "new", "", false},
		{true, "old", "old", true}, {false, "old", "old", true}, {true, "old", "", false},
	} {
		f, err := out.Create(&e, c.named, Keep{}, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("new"), 0); err != nil {
			t.Fatal(err)
		}
		if has := content(out, "f"); has != c.begun {
			t.Errorf("%+v: begun, the name stands for %q", c, has)
		}
		if c.aborts {
			err = out.Abort(f)
		} else {
			c.at = "new"
			err = out.Commit(f, &e, func(err error) { t.Error(err) })
		}
		if has := content(out, "f"); err != nil || has != c.at {
			t.Errorf("%+v: in the end the name stands for %q, %v", c, has, err)
		}
		if c.at == "new" {
			if err := os.WriteFile(filepath.Join(out.path, "f"), []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if names, err := out.Names(); err != nil || len(names) != 1 {
		t.Errorf("there are %q, %v", names, err)
	}
}

// content returns what a file holds, and nothing if there is none.
func content(out *Out, name string) string {
	b, _ := os.ReadFile(filepath.Join(out.path, name))
	return string(b)
}

// A directory's default ACL is not what the files of a snapshot have.
func TestFilesInheritNoACL(t *testing.T) {
	dir := t.TempDir()
	// user::rwx, user 1:rwx, group::r-x, mask::rwx, other::r-x, as of acl(5).
	acl := "\x02\x00\x00\x00" + "\x01\x00\x07\x00\xff\xff\xff\xff" + "\x02\x00\x07\x00\x01\x00\x00\x00" +
		"\x04\x00\x05\x00\xff\xff\xff\xff" + "\x10\x00\x07\x00\xff\xff\xff\xff" + "\x20\x00\x05\x00\xff\xff\xff\xff"
	if err := unix.Setxattr(dir, "system.posix_acl_default", []byte(acl), 0); err != nil {
		if err == unix.ENOTSUP {
			t.Skip("no ACLs on the file system of temporary files")
		}
		t.Fatal(err)
	}
	out := openOut(t, dir)
	e := snapshot.Entry{Name: "f", Mode: 0o644, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	if err := write(t, out, &e, false, "x"); err != nil {
		t.Fatal(err)
	}
	f, _, err := out.Open("f", new(snapshot.Entry))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if xattrs, err := f.Xattrs(); err != nil || len(xattrs) > 0 {
		t.Errorf("attributes %v, %v", xattrs, err)
	}
	var have snapshot.Entry
	if _, err := out.Lstat("f", &have); err != nil || have.Mode != 0o644 {
		t.Errorf("mode %o, %v", have.Mode, err)
	}
}
