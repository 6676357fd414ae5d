package repo_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func TestNotesSayWhatRulesCannotRepeat(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	src := t.TempDir()
	for _, f := range []struct{ name, text string }{
		{"mnt", ""}, {"mnt/f", "x"}, {"mnt/in", ""}, {"mnt/in/g", "x"}, {"large", strings.Repeat("x", 5000)}, {"cache/x", "x"},
		{"cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"}, {".qsnap-aside-1-f", "x"}, {"a.o", "x"},
	} {
		p := filepath.Join(src, f.name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if f.text != "" {
			if err := os.WriteFile(p, []byte(f.text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(p, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", p, "tmpfs", 0, "size=1m"); err != nil {
			t.Skipf("mounting a file system: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(p, syscall.MNT_DETACH) })
	}
	for _, c := range []struct {
		oneFileSystem bool
		want          map[string]snapshot.NoteKind
	}{
		{false, map[string]snapshot.NoteKind{"mnt": "mount", "mnt/in": "mount", "large": "size", "cache": "cache", ".qsnap-aside-1-f": "part"}},
		{true, map[string]snapshot.NoteKind{"mnt": "filesystem", "large": "size", "cache": "cache", ".qsnap-aside-1-f": "part"}},
	} {
		got := map[string]snapshot.NoteKind{}
		f := newFixture(t)
		m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{OneFileSystem: c.oneFileSystem, SkipCaches: true, MaxFileSize: new(int64(4096)), Exclude: []string{"*.o"}})
		for n, err := range f.View(m).Notes(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got[n.Path] = n.Kind
		}
		if len(got) != len(c.want) {
			t.Errorf("one file system %v: %v", c.oneFileSystem, got)
		}
		for p, kind := range c.want {
			if got[p] != kind {
				t.Errorf("one file system %v: %s is %q, not %q", c.oneFileSystem, p, got[p], kind)
			}
		}
	}
}
