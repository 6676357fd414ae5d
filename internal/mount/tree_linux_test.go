package mount

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func TestAMountShowsTreesAsTheyWereCaptured(t *testing.T) {
	src := filepath.Join(t.TempDir(), "src")
	treetest.Odd(t, src)
	if os.Geteuid() != 0 { // what can't be read can't be compared
		if err := os.Chmod(filepath.Join(src, "mode/none"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	want := treetest.Describe(t, src)
	m := newRepo(t)
	taken := m.snapshot(repo.Paths(src), repo.SnapshotOptions{Hostname: "web1", Tags: []string{"odd"}})
	m.start(Options{})
	if line := mountPoints(t); !strings.Contains(line, m.Dir()+" ro,nosuid,nodev,") || !strings.Contains(line, "fuse.qsnap") {
		t.Errorf("mounted otherwise than read-only:\n%s", line)
	}
	for _, place := range []string{
		"snapshots/2026-11-20T12:00:00", "snapshots/latest", "ids/" + taken.ID.Short(),
		"hosts/web1/2026-11-20T12:00:00", "hosts/web1/latest", "tags/odd/2026-11-20T12:00:00",
	} {
		treetest.Equal(t, want, treetest.Describe(t, m.path(place)))
	}
	treetest.Equal(t, want, treetest.Describe(t, m.path("snapshots/latest"))) // from the kernel's memory
	if got := m.reported(); got != nil {
		t.Errorf("reports: %q", got)
	}
}

func TestStatTellsWhatWasCaptured(t *testing.T) {
	src := filepath.Join(t.TempDir(), "src")
	treetest.Odd(t, src)
	m := newRepo(t)
	m.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	m.start(Options{})
	for _, name := range []string{"plain.txt", "links/hard-1", "links/sub/hard-3", "links/dangling", "special/fifo", "times/before-1970", "sparse/middle", "."} {
		var was, is unix.Stat_t
		for dir, st := range map[string]*unix.Stat_t{src: &was, m.path("snapshots/latest"): &is} {
			if err := unix.Lstat(dir+"/"+name, st); err != nil {
				t.Fatal(err)
			}
		}
		if was.Mode != is.Mode || was.Uid != is.Uid || was.Gid != is.Gid || was.Mtim != is.Mtim || was.Ctim != is.Ctim ||
			was.Rdev != is.Rdev || name != "." && (was.Nlink != is.Nlink || was.Size != is.Size) {
			t.Errorf("%s: %+v, want %+v", name, is, was)
		}
		if name == "sparse/middle" && is.Blocks*512 >= is.Size/2 {
			t.Errorf("%s takes %d blocks", name, is.Blocks)
		}
	}
}

// Whatever the kernel forgets meanwhile, a file is the same file, and has the number
// that its directory tells.
func TestInodeNumbersStay(t *testing.T) {
	m := newRepo(t)
	files := fstest.MapFS{}
	for i := range 300 {
		files[fmt.Sprintf("d%d/f%d", i%7, i)] = &fstest.MapFile{Data: []byte{byte(i)}}
	}
	m.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	m.start(Options{})
	numbers := func() map[string]uint64 {
		out := map[string]uint64{}
		for dir := range 7 {
			d, err := os.Open(m.path(fmt.Sprintf("snapshots/latest/d%d", dir)))
			if err != nil {
				t.Fatal(err)
			}
			for name, number := range listed(t, d) {
				var st unix.Stat_t
				if err := unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil || name != ".." && st.Ino != number {
					t.Fatalf("%s: inode %d, listed with %d, %v", name, st.Ino, number, err)
				}
				out[fmt.Sprintf("%d/%s", dir, name)] = st.Ino
			}
			d.Close()
		}
		return out
	}
	before := numbers()
	m.forget()
	after := numbers()
	if len(before) != 300+2*7 {
		t.Errorf("%d names", len(before))
	}
	for name, number := range before {
		if after[name] != number && !strings.HasSuffix(name, "/..") {
			t.Errorf("%s: inode %d, then %d", name, number, after[name])
		}
	}
}

// Names with the same device and inode numbers are one file only if they can be.
func TestNamesWithTheSameNumbersAreOneFileOnlyIfTheyCanBe(t *testing.T) {
	then := time.Unix(1e9, 0)
	file := func(text string, uid uint32) *fstest.MapFile {
		e := &snapshot.Entry{Mode: 0o644, UID: uid, Device: 7, Inode: 5, Links: 2, MTime: snapshot.TimeOf(then)}
		return &fstest.MapFile{Data: []byte(text), ModTime: then, Sys: e}
	}
	files := fstest.MapFS{"a": file("one", 0), "b": file("one", 0), "c": file("two", 0), "d": file("two", 0), "e": file("two", 9)}
	m := newRepo(t)
	m.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	m.start(Options{})
	inodes := map[string]uint64{}
	for name, f := range files {
		at := m.path("snapshots/latest/" + name)
		var st unix.Stat_t
		if err := unix.Stat(at, &st); err != nil || st.Uid != f.Sys.(*snapshot.Entry).UID {
			t.Errorf("%s: owner %d, %v", name, st.Uid, err)
		}
		if got, err := os.ReadFile(at); string(got) != string(f.Data) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		inodes[name] = st.Ino
	}
	if inodes["a"] != inodes["b"] || inodes["c"] != inodes["d"] || inodes["a"] == inodes["c"] || inodes["c"] == inodes["e"] {
		t.Errorf("inode numbers: %v", inodes)
	}
}

func TestManyReadersAtOnceReadWhatIsThere(t *testing.T) {
	m := newRepo(t)
	files := fstest.MapFS{}
	for i := range 30 {
		files[fmt.Sprintf("f%d", i)] = &fstest.MapFile{Data: treetest.Bytes(uint64(i), 100+i*i*3000)}
	}
	files["large"] = &fstest.MapFile{Data: treetest.Bytes(99, 40<<20)} // with a content list
	m.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	m.start(Options{})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for reader := range uint64(16) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, reader))
			for range 60 {
				name := "large"
				if r.IntN(3) > 0 {
					name = fmt.Sprintf("f%d", r.IntN(30))
				}
				if err := m.readSomewhere(r, name, files[name].Data); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := m.reported(); got != nil {
		t.Errorf("reports: %q", got)
	}
}

// readSomewhere reads a stretch of a file and compares it.
func (m *mounted) readSomewhere(r *rand.Rand, name string, want []byte) error {
	f, err := os.Open(m.path("snapshots/latest/" + name))
	if err != nil {
		return err
	}
	defer f.Close()
	off := r.IntN(len(want))
	p := make([]byte, r.IntN(300_000))
	n, err := f.ReadAt(p, int64(off))
	want = want[off:min(off+len(p), len(want))]
	if err != nil && err != io.EOF || !bytes.Equal(p[:n], want) {
		return fmt.Errorf("%s: %d bytes at %d: %d bytes, which may be others: %w", name, len(p), off, n, err)
	}
	return nil
}

func TestDamageIsAnErrorForWhatItTouchesOnly(t *testing.T) {
	m := newRepo(t)
	files := fstest.MapFS{}
	for i := range 12 { // which don't compress, each in a segment of its own
		files[fmt.Sprintf("f%d", i)] = &fstest.MapFile{Data: treetest.Bytes(uint64(i), 4<<20)}
	}
	m.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{Workers: 1})
	m.damageAPack()
	m.start(Options{})
	damaged := 0
	for name, file := range files {
		got, err := os.ReadFile(m.path("snapshots/latest/" + name))
		told := slices.ContainsFunc(m.reported(), func(s string) bool {
			return strings.HasPrefix(s, "snapshots/2026-11-20T12:00:00/"+name+": ")
		})
		switch {
		case errors.Is(err, syscall.EIO):
			damaged++
			if !bytes.HasPrefix(file.Data, got) {
				t.Errorf("%s: wrong bytes before the damage", name)
			}
		case err != nil || !bytes.Equal(got, file.Data):
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if told != (err != nil) {
			t.Errorf("%s: %v, but reported: %v", name, err, m.reported())
		}
	}
	if damaged == 0 || damaged == len(files) {
		t.Errorf("%d of %d files can't be read", damaged, len(files))
	}
}

// damageAPack changes a byte in the middle of the largest pack.
func (m *mounted) damageAPack() {
	var largest string
	objects := m.target.Objects()
	for name, b := range objects {
		if strings.HasPrefix(name, "packs/") && (largest == "" || len(b) > len(objects[largest])) {
			largest = name
		}
	}
	b := bytes.Clone(objects[largest])
	b[len(b)/2] ^= 1
	m.target.Set(largest, b)
}

func TestWhatWasNotCapturedIsAnErrorThatSaysSo(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("root can read everything: the unreadable is an fs.FS that says no")
	}
	m := newRepo(t)
	m.snapshot(repo.FromFS(secretive{fstest.MapFS{"secret": {Data: []byte("x")}, "open": {Data: []byte("y")}, "locked/f": {}}}, "/x"), repo.SnapshotOptions{})
	m.start(Options{})
	if _, err := os.ReadFile(m.path("snapshots/latest/secret")); !errors.Is(err, syscall.EIO) {
		t.Errorf("a file: %v", err)
	}
	if _, err := os.ReadDir(m.path("snapshots/latest/locked")); !errors.Is(err, syscall.EIO) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := os.Stat(m.path("snapshots/latest/locked/f")); !errors.Is(err, syscall.EIO) {
		t.Errorf("in a directory: %v", err)
	}
	if b, err := os.ReadFile(m.path("snapshots/latest/open")); err != nil || string(b) != "y" {
		t.Errorf("another file: %q, %v", b, err)
	}
	got := strings.Join(m.reported(), "\n")
	for _, want := range []string{"/secret: not in the snapshot: when that was made: ", "/locked: not in the snapshot: when that was made: "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

// A secretive file system doesn't open two of its names.
type secretive struct{ fstest.MapFS }

func (s secretive) Open(name string) (fs.File, error) {
	if name == "secret" || name == "locked" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return s.MapFS.Open(name)
}

func (s secretive) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "locked" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return s.MapFS.ReadDir(name)
}

func TestNothingCanBeWritten(t *testing.T) {
	m := newRepo(t)
	m.snapshot(repo.FromFS(fstest.MapFS{"f": {Data: []byte("x")}, "d/g": {}}, "/x"), repo.SnapshotOptions{})
	m.start(Options{})
	f := m.path("snapshots/latest/f")
	for what, err := range map[string]error{
		"write":  os.WriteFile(f, nil, 0o644),
		"create": os.WriteFile(f+"2", nil, 0o644),
		"remove": os.Remove(f),
		"rmdir":  syscall.Rmdir(m.path("snapshots/latest/d")),
		"forget": syscall.Rmdir(m.path("snapshots/2026-11-20T12:00:00")),
		"rename": os.Rename(f, f+"2"),
		"chmod":  os.Chmod(f, 0o777),
		"xattr":  unix.Setxattr(f, "user.x", nil, 0),
		"access": unix.Access(f, unix.W_OK),
		"mkdir":  os.Mkdir(m.path("snapshots/x"), 0o755),
	} {
		if !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
