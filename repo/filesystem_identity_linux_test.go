package repo_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
)

// Two file systems may have the same numbers in one version: those of one that was
// mounted when another had gone.
func TestFilesOfTwoFileSystemsStayTwo(t *testing.T) {
	for name, o := range map[string]repo.SnapshotOptions{
		"as they are": {}, "without change times": {IgnoreCTime: true}, "without inodes": {IgnoreCTime: true, IgnoreInode: true},
	} {
		t.Run(name, func(t *testing.T) {
			src, f := t.TempDir(), newFixture(t)
			a, b := filepath.Join(src, "a"), filepath.Join(src, "b")
			old := time.Now().Add(-48 * time.Hour)
			fill := func(dir, text string) {
				t.Helper()
				mountTmpfs(t, dir)
				put(t, dir, "x/")
				if err := os.WriteFile(dir+"/x/1", []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(dir+"/x/1", old, old); err != nil {
					t.Fatal(err)
				}
				if err := os.Link(dir+"/x/1", dir+"/x/2"); err != nil {
					t.Fatal(err)
				}
			}
			fill(a, "one")
			f.snapshot(repo.Paths(src), o)
			if err := syscall.Unmount(a, 0); err != nil {
				t.Fatal(err)
			}
			fill(b, "two") // gets the numbers that a had
			fill(a, "one")
			m := f.snapshot(repo.Paths(src), o)
			out := t.TempDir()
			f.restore(m, repo.RestoreOptions{To: out})
			for name, want := range map[string]string{"a/x/1": "one", "a/x/2": "one", "b/x/1": "two", "b/x/2": "two"} {
				if got, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(got) != want {
					t.Errorf("%s: %q, %v", name, got, err)
				}
			}
			one, err1 := f.View(m).Entry(t.Context(), "a/x/1")
			two, err2 := f.View(m).Entry(t.Context(), "a/x/2")
			if err1 != nil || err2 != nil || one.Links != 2 || one.Device != two.Device || one.Inode != two.Inode {
				t.Errorf("names of one file are two: %+v and %+v", one, two)
			}
			// And it is the same tree wherever the numbers come from.
			again := f.snapshot(repo.Paths(src), o)
			if again.Root.Subtree != m.Root.Subtree {
				t.Error("the next snapshot has another tree")
			}
		})
	}
}

// A volume's snapshot stands still: what changed within a tick has the same stamp, however
// long ago that was.
func TestAStampIsBelievedOnceTheSourcesClockHasGoneOn(t *testing.T) {
	tick := time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC)
	source := func(text string, later time.Duration) repo.Source {
		files := fstest.MapFS{
			"f":   {Data: []byte(text), Mode: 0o644, ModTime: tick},
			"old": {Data: []byte("old"), Mode: 0o644, ModTime: tick.Add(-time.Hour)},
		}
		if later > 0 {
			files["later"] = &fstest.MapFile{Mode: 0o755 | fs.ModeDir, ModTime: tick.Add(later)}
		}
		return repo.FromFS(files, "/volume")
	}
	f := newFixture(t)
	for i, c := range []struct {
		text  string
		later time.Duration
		want  string
		read  uint64
	}{
		{text: "one", want: "one", read: 6},
		{text: "two", want: "two", read: 3},
		{text: "six", want: "six", read: 3},
		{text: "six", later: time.Second, want: "six", read: 3},
		{text: "ten", later: time.Second, want: "ten", read: 3}, // a second is no proof: it may keep every other
		{text: "ten", later: time.Minute, want: "ten", read: 3},
		{text: "not", later: time.Minute, want: "ten", read: 0}, // as documented: content that changes without a stamp
	} {
		m := f.snapshot(source(c.text, c.later), repo.SnapshotOptions{})
		got, err := fs.ReadFile(f.View(m).FS(t.Context()), "f")
		if err != nil || string(got) != c.want || m.Stats.BytesRead != c.read {
			t.Errorf("snapshot %d holds %q, %v; %d bytes read, not %d", i+1, got, err, m.Stats.BytesRead, c.read)
		}
	}
}

// A clock that was once set to a later time proves nothing, and costs one file.
func TestAStampFromTheFutureSettlesNothingElse(t *testing.T) {
	tick := time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC)
	files := fstest.MapFS{
		"f":      {Data: []byte("one"), Mode: 0o644, ModTime: tick},
		"old":    {Data: []byte("old"), Mode: 0o644, ModTime: tick.Add(-time.Hour)},
		"future": {Data: []byte("x"), Mode: 0o644, ModTime: time.Now().AddDate(20, 0, 0)},
	}
	f := newFixture(t)
	f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	files["f"].Data = []byte("two")
	m := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	if got, err := fs.ReadFile(f.View(m).FS(t.Context()), "f"); string(got) != "two" || m.Stats.BytesRead != 4 {
		t.Errorf("%q, %v; %d bytes read", got, err, m.Stats.BytesRead)
	}
}

// A lookedAtFS notes which names are looked at.
type lookedAtFS struct {
	fstest.MapFS
	seen map[string]bool
}

func (f lookedAtFS) Lstat(name string) (fs.FileInfo, error) {
	f.seen[name] = true
	return f.MapFS.Lstat(name)
}

func (f lookedAtFS) ReadLink(name string) (string, error) { return f.MapFS.ReadLink(name) }

func TestWhatIsExcludedIsNotLookedAt(t *testing.T) {
	files := lookedAtFS{fstest.MapFS{
		"dead/x": {}, "sub/dead/x": {}, "kept/f": {}, "a.o": {}, "b.c": {}, ".qsnap-part-1": {},
		"cache/CACHEDIR.TAG": {Data: []byte("Signature: 8a477f597d28d172789f06886806bc55")}, "cache/blob": {},
		".qsnapignore": {Data: []byte("from-file\n")}, "from-file": {},
	}, map[string]bool{}}
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{Exclude: []string{"dead", "*.o", "!kept"}, SkipCaches: true})
	for name, want := range map[string]bool{
		"dead": false, "sub/dead": false, "dead/x": false, "a.o": false, ".qsnap-part-1": false, "cache/blob": false, "from-file": false,
		"kept": true, "kept/f": true, "b.c": true, "cache/CACHEDIR.TAG": true,
	} {
		if files.seen[name] != want {
			t.Errorf("%s is looked at: %v", name, files.seen[name])
		}
	}
	if m.Stats.Files != 4 {
		t.Errorf("%+v", m.Stats)
	}
}
