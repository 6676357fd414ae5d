package repo_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// mountTmpfs mounts an empty file system, which only root can, until the test ends.
func mountTmpfs(t *testing.T, dir string) {
	t.Helper()
	mountKind(t, "tmpfs", dir, "tmpfs", 0, "size=1m,mode=0755")
}

func mountKind(t *testing.T, source, dir, kind string, flags uintptr, data string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(source, dir, kind, flags, data); err != nil {
		t.Skipf("mounting a file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }) // unless the test has
}

// put writes files below a directory: each holds its name. What ends with a slash is a
// directory, and "a -> b" a symbolic link.
func put(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		link, to, isLink := strings.Cut(name, " -> ")
		p := filepath.Join(dir, link)
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(to, p)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(p, 0o755)
		default:
			err = os.WriteFile(p, []byte(name), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// held returns the files and links of a snapshot: as paths on the source, relative to a
// directory there.
func held(t *testing.T, f *fixture, m *snapshot.Manifest, dir string) []string {
	t.Helper()
	prefix := map[snapshot.Layout]string{snapshot.Tree: m.Paths[0], snapshot.Single: filepath.Dir(m.Paths[0]), snapshot.Paths: "/"}[m.Layout]
	var names []string
	fsys := f.View(m).FS(t.Context())
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, filepath.Join(prefix, p))
		if d.Type() == fs.ModeSymlink {
			to, _ := fs.ReadLink(fsys, p)
			rel += " -> " + to
		}
		names = append(names, rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestWhatWasNamedIsTaken(t *testing.T) {
	w := t.TempDir()
	for _, m := range []string{"m/a", "m/b", "m/b/deep"} {
		mountTmpfs(t, filepath.Join(w, m))
	}
	put(t, w, "m/f", "m/a/f", "m/a/sub/g", "m/b/f", "m/b/deep/h", "m/b/deep/i/j", "rel/42/data/f", "rel/42/more/h", "other/g",
		"current -> rel/42", "L1 -> rel/42", "L2 -> "+w+"/other", "dangling -> nowhere", "tofile -> other/g",
		"in/f", "in/link -> ../other", "in/self -> sub", "in/sub/s", "twice -> L1", "pre/x/1", "pre/x-y/2")
	oneFS := repo.SnapshotOptions{OneFileSystem: true}
	exclude := func(p string) repo.SnapshotOptions { return repo.SnapshotOptions{Exclude: []string{p}} }
	for _, c := range []struct {
		named, want, missing string
		o                    repo.SnapshotOptions
	}{
		{named: "m/a m/b", o: oneFS, want: "m/a/f m/a/sub/g m/b/f"},
		{named: "m m/a", o: oneFS, want: "m/a/f m/a/sub/g m/f"},
		{named: "m m/b/deep", o: oneFS, want: "m/b/deep/h m/b/deep/i/j m/f"},
		{named: "m m/b/deep/i", o: oneFS, want: "m/b/deep/i/j m/f"},
		{named: "m m/b/deep/h", o: oneFS, want: "m/b/deep/h m/f"},
		{named: "m/b/f m/a", o: oneFS, want: "m/a/f m/a/sub/g m/b/f"},
		{named: "m/b/f", o: oneFS, want: "m/b/f"},
		{named: "m/a", o: oneFS, want: "m/a/f m/a/sub/g"}, // a mount as the root
		{named: "m", o: oneFS, want: "m/f"},
		{named: "m m/a", want: "m/a/f m/a/sub/g m/b/deep/h m/b/deep/i/j m/b/f m/f"},
		{named: "current/data other", want: "current/data/f other/g"},
		{named: "current/data", want: "current/data/f"},
		{named: "current/data/f other", want: "current/data/f other/g"},
		{named: "L1 L2", want: "L1/data/f L1/more/h L2/g"},
		{named: "L1", want: "L1/data/f L1/more/h"},
		{named: "twice L2", want: "L2/g twice/data/f twice/more/h"},
		{named: "twice/data twice/more", want: "twice/data/f twice/more/h"},
		{named: "rel/42/data L1/data", want: "L1/data/f rel/42/data/f"},
		{named: "dangling other", want: "dangling -> nowhere other/g"},
		{named: "tofile other", want: "other/g tofile -> other/g"},
		{named: "tofile", want: "tofile -> other/g"},
		{named: "in in/link", want: "in/f in/link -> ../other in/self -> sub in/sub/s other/g"},
		{named: "in in/link/g", want: "in/f in/link -> ../other in/self -> sub in/sub/s other/g"},
		{named: "in in/self", want: "in/f in/link -> ../other in/self -> sub in/sub/s"},
		{named: "in in/self/s", want: "in/f in/link -> ../other in/self -> sub in/sub/s"},
		{named: "in/sub in", want: "in/f in/link -> ../other in/self -> sub in/sub/s"},
		{named: "pre/x pre/x-y pre/x/1", want: "pre/x-y/2 pre/x/1"},
		{named: "other gone", want: "other/g", missing: "gone"},
		{named: "other gone/too current/none L1/data", want: "L1/data/f other/g", missing: "current/none gone/too"},
		{named: "in in/none", want: "in/f in/link -> ../other in/self -> sub in/sub/s", missing: "in/none"},
		{named: "other other/g/x", want: "other/g", missing: "other/g/x"},
		// A rule that leaves out a directory leaves out neither what is named in it nor
		// what is named on the way through it.
		{named: "rel/42/data other", o: exclude("rel"), want: "other/g rel/42/data/f"},
		{named: "in in/sub/s", o: exclude("sub"), want: "in/f in/link -> ../other in/self -> sub in/sub/s"},
		{named: "in other", o: exclude("other"), want: "in/f in/link -> ../other in/self -> sub in/sub/s other/g"}, // as alone, "other" would not mean the named directory,
	} {
		t.Run(c.named, func(t *testing.T) {
			f := newFixture(t)
			var paths []string
			for name := range strings.FieldsSeq(c.named) {
				paths = append(paths, filepath.Join(w, name))
			}
			m := f.snapshot(repo.Paths(paths...), c.o)
			if got := strings.Join(held(t, f, m, w), " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			var missing []string
			for _, x := range m.Missing {
				missing = append(missing, strings.TrimPrefix(x.Path, w+"/"))
				if x.Text == "" {
					t.Errorf("%s: no reason", x.Path)
				}
			}
			if got := strings.Join(missing, " "); got != c.missing || m.Good() != (got == "") {
				t.Errorf("missing %q, not %q; good: %v", got, c.missing, m.Good())
			}
			again := f.snapshot(repo.Paths(paths...), c.o)
			if got := strings.Join(held(t, f, again, w), " "); got != c.want || again.Parent != m.ID {
				t.Errorf("the next snapshot has %s", got)
			}
		})
	}
	f := newFixture(t)
	if m, err := f.Snapshot(t.Context(), repo.Paths(w+"/gone", w+"/none"), repo.SnapshotOptions{}); err == nil {
		t.Errorf("there is a snapshot of nothing: %v", m.Missing)
	}
}
