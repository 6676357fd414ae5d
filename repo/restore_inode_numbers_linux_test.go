package repo_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// sameNumbers is a tree as older versions of qsnap took it when one file system had the
// numbers of another that was gone: every name has the same device and inode.
func sameNumbers() fstest.MapFS {
	then := time.Unix(1e9, 0)
	file := func(text string, mode, uid uint32, then time.Time) *fstest.MapFile {
		e := &snapshot.Entry{Mode: mode, UID: uid, GID: uid, Device: 7, Inode: 5, Links: 2, MTime: snapshot.TimeOf(then)}
		return &fstest.MapFile{Data: []byte(text), Mode: os.FileMode(mode), ModTime: then, Sys: e}
	}
	uid := uint32(os.Getuid())
	return fstest.MapFS{
		"a/1": file("one", 0o644, uid, then), "a/2": file("one", 0o644, uid, then),
		"content/1": file("two", 0o644, uid, then), "content/2": file("two", 0o644, uid, then),
		"mode/1": file("one", 0o600, uid, then), "mode/2": file("one", 0o600, uid, then),
		"size/1": file("longer", 0o644, uid, then), "size/2": file("longer", 0o644, uid, then),
		"time/1": file("one", 0o644, uid, then.Add(1)), "time/2": file("one", 0o644, uid, then.Add(1)),
	}
}

// Names with the same numbers are hard links only if they can be names of one file; what
// is separate is separate afterwards, also in a destination where they were joined before.
func TestNamesWithTheSameNumbersAreJoinedOnlyIfTheyCanBeOneFile(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(sameNumbers(), "/x"), repo.SnapshotOptions{})
	fresh, joined := filepath.Join(t.TempDir(), "fresh"), filepath.Join(t.TempDir(), "joined")
	for _, dir := range []string{"a", "content", "mode", "size", "time"} {
		must(t, os.MkdirAll(filepath.Join(joined, dir), 0o755))
		for _, name := range []string{"1", "2"} {
			if dir == "a" && name == "1" {
				must(t, os.WriteFile(filepath.Join(joined, "a/1"), []byte("one"), 0o644))
			} else {
				must(t, os.Link(filepath.Join(joined, "a/1"), filepath.Join(joined, dir, name)))
			}
		}
	}
	for _, to := range []string{fresh, joined} {
		f.restore(m, repo.RestoreOptions{To: to, Verify: true})
		inodes := map[uint64]string{}
		for name, file := range sameNumbers() {
			at := filepath.Join(to, name)
			text, err := os.ReadFile(at)
			info, err2 := os.Stat(at)
			must(t, err, err2)
			if string(text) != string(file.Data) || info.Mode() != file.Mode || !info.ModTime().Equal(file.ModTime) {
				t.Errorf("%s: %q, %v, %v", name, text, info.Mode(), info.ModTime())
			}
			st := info.Sys().(*syscall.Stat_t)
			if other := inodes[st.Ino]; st.Nlink != 2 || other != "" && other != filepath.Dir(name) {
				t.Errorf("%s has %d names and is one file with those of %q", name, st.Nlink, other)
			}
			inodes[st.Ino] = filepath.Dir(name)
		}
	}
}

// A source that has no inode numbers has no hard links, whatever it says.
func TestWithoutInodeNumbersNothingIsJoined(t *testing.T) {
	file := func(text string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(text), Sys: &snapshot.Entry{Mode: 0o644, Links: 2}}
	}
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(fstest.MapFS{"a": file("one"), "b": file("two"), "c": file("two"), "d": file("one")}, "/x"), repo.SnapshotOptions{})
	to := t.TempDir()
	f.restore(m, repo.RestoreOptions{To: to})
	for name, want := range map[string]string{"a": "one", "b": "two", "c": "two", "d": "one"} {
		info, err := os.Stat(filepath.Join(to, name))
		must(t, err)
		if text, err := os.ReadFile(filepath.Join(to, name)); string(text) != want || info.Sys().(*syscall.Stat_t).Nlink != 1 {
			t.Errorf("%s: %q, %d names, %v", name, text, info.Sys().(*syscall.Stat_t).Nlink, err)
		}
	}
}
