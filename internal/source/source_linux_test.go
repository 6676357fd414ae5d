package source_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// tree makes files below a new directory, and returns it.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		full := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

// names returns what the directory at a path of a source lists.
func names(t *testing.T, s *source.Source, path ...string) []string {
	t.Helper()
	d, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range path {
		sub, err := d.Sub(name)
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		d = sub
	}
	defer d.Close()
	got, err := d.Names()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTheLayoutFollowsFromWhatIsNamed(t *testing.T) {
	top := tree(t, "a/1", "a/2", "b/3")
	at := func(name string) string { return filepath.Join(top, name) }
	for _, c := range []struct {
		paths  []string
		layout snapshot.Layout
		rel    string // a path relative to the root
		full   string // and that on the machine
		want   []string
	}{
		{[]string{at("a")}, snapshot.Tree, "1", at("a/1"), []string{"1", "2"}},
		{[]string{at("a/1")}, snapshot.Single, "1", at("a/1"), []string{"1"}},
		{[]string{at("b"), at("a/1")}, snapshot.Paths, strings.Trim(at("a/1"), "/"), at("a/1"), []string{strings.Split(top, "/")[1]}},
		{[]string{at("a"), at("a/1"), at("a")}, snapshot.Tree, "", at("a"), []string{"1", "2"}},
	} {
		s, err := source.Paths(c.paths...)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(t, s); s.Layout != c.layout || s.Full(c.rel) != c.full || !slices.Equal(got, c.want) {
			t.Errorf("%q: layout %v, %s is %s, the root has %q", c.paths, s.Layout, c.rel, s.Full(c.rel), got)
		}
	}
}

func TestADirectoryOnTheWayListsOnlyWhatLeadsToNamedPaths(t *testing.T) {
	top := tree(t, "a/1", "a/2", "b/3", "c/4")
	s, err := source.Paths(filepath.Join(top, "a", "1"), filepath.Join(top, "b"))
	if err != nil {
		t.Fatal(err)
	}
	way := strings.Split(strings.Trim(top, "/"), "/")
	for path, want := range map[string][]string{"": {"a", "b"}, "a": {"1"}, "b": {"3"}} {
		if got := names(t, s, append(slices.Clone(way), strings.Fields(path)...)...); !slices.Equal(got, want) {
			t.Errorf("%q has %q, not %q", path, got, want)
		}
	}
}

func TestAPathThatIsMissingIsNamedAndAllOfThemAreAnError(t *testing.T) {
	top := tree(t, "a/1")
	absent := filepath.Join(top, "absent")
	s, err := source.Paths(absent, filepath.Join(top, "a"))
	if err != nil || len(s.Missing) != 1 || s.Missing[0].Path != absent || strings.Contains(s.Missing[0].Text, top) {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := source.Paths(absent); err == nil {
		t.Error("a source of nothing")
	}
	if _, err := source.Paths(); err == nil {
		t.Error("a source without a path")
	}
}

func TestAPathThroughALinkBelowAnotherPathIsReplacedByItsDestination(t *testing.T) {
	top := tree(t, "a/1", "b/sub/2")
	if err := os.Symlink(filepath.Join(top, "b"), filepath.Join(top, "a", "link")); err != nil {
		t.Fatal(err)
	}
	s, err := source.Paths(filepath.Join(top, "a"), filepath.Join(top, "a", "link", "sub"))
	if want := []string{filepath.Join(top, "a"), filepath.Join(top, "b", "sub")}; err != nil || !slices.Equal(s.Paths, want) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestMountsAreThoseBelowTheNamedPaths(t *testing.T) {
	top := tree(t, "a/m/1", "b/m/2")
	s, err := source.Paths(filepath.Join(top, "a"))
	if err != nil {
		t.Fatal(err)
	}
	in := s.MountsIn(disk.Mounts{filepath.Join(top, "a", "m"): "ext4", filepath.Join(top, "b", "m"): "xfs", "/": "btrfs"})
	if len(in) != 1 || in["m"] != "ext4" {
		t.Errorf("%v", in)
	}
}

func TestAFileSystemIsReadByItsOwnNames(t *testing.T) {
	when := time.Unix(1e9, 5)
	s := source.FS(fstest.MapFS{"d/b": {Data: []byte("text"), Mode: 0o640, ModTime: when}, "a": {}}, "app")
	if got := names(t, s); !slices.Equal(got, []string{"a", "d"}) || s.Paths[0] != "app" {
		t.Errorf("%q, %q", got, s.Paths)
	}
	root, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	d, err := root.Sub("d")
	if err != nil {
		t.Fatal(err)
	}
	var e snapshot.Entry
	if _, err := d.Lstat("b", &e); err != nil || e.Name != "b" || e.Size != 4 || e.Mode != 0o640 || e.MTime != snapshot.TimeOf(when) {
		t.Errorf("%+v, %v", e, err)
	}
	f, _, err := d.Open("b", &e)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if source.IsStream(f) {
		t.Error("a file of a file system is a stream")
	}
}

func TestAStreamIsOneFileOfUnknownSize(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a/b", "a\x00"} {
		if _, err := source.Stream(name, strings.NewReader(""), time.Now()); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
	s, err := source.Stream("dump", strings.NewReader("text"), time.Unix(1e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, s); !slices.Equal(got, []string{"dump"}) || s.Layout != snapshot.Single {
		t.Errorf("%q, layout %v", got, s.Layout)
	}
	root, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.Sub("dump"); err != fs.ErrNotExist {
		t.Errorf("the stream as a directory: %v", err)
	}
	var e snapshot.Entry
	if _, err := root.Lstat("dump", &e); err != nil || e.Size != source.StreamSize || e.MTime.Sec != 1e9 {
		t.Errorf("%+v, %v", e, err)
	}
	f, _, err := root.Open("dump", &e)
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 4)
	if n, err := f.Read(text); n != 4 || err != nil || string(text) != "text" || !source.IsStream(f) {
		t.Errorf("%q, %v", text[:n], err)
	}
}
