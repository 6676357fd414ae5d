package repo_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// makeTree makes files of these paths, and what is in them; a path that ends in a slash
// is a directory.
func makeTree(t *testing.T, top string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		full := filepath.Join(top, name)
		dir := filepath.Dir(full)
		if strings.HasSuffix(name, "/") {
			dir = full
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir == full {
			continue
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// namesBelow returns the paths of all that is in a directory.
func namesBelow(t *testing.T, top string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name, _ := filepath.Rel(top, p); name != "." {
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const cacheTag = "Signature: 8a477f597d28d172789f06886806bc55"

func TestDeletionTakesOnlyWhatTheSnapshotCovered(t *testing.T) {
	for _, c := range []struct {
		name    string
		source  map[string]string // below the source directory
		options repo.SnapshotOptions
		paths   []string // of the source; none is all of it
		later   map[string]string
		gone    []string // of what was made later
	}{
		{"whatever is not in it", map[string]string{"a": "1", "d/a": "1"}, repo.SnapshotOptions{}, nil,
			map[string]string{"b": "", "d/b": "", "e/f/g": "", "h/": ""}, []string{"b", "d/b", "e", "e/f", "e/f/g", "h"}},
		{"beside a file", map[string]string{"a": "1"}, repo.SnapshotOptions{}, []string{"a"}, map[string]string{"b": "", "e/f": ""}, nil},
		{"beside paths", map[string]string{"x/in/a": "1", "x/in/b/c": "1"}, repo.SnapshotOptions{}, []string{"x/in/a", "x/in/b"},
			map[string]string{"x/in/k": "", "x/k": "", "k": "", "x/in/b/k": "", "x/in/b/l/m": ""}, []string{"x/in/b/k", "x/in/b/l", "x/in/b/l/m"}},
		{"patterns", map[string]string{"a": "1", "b.o": "1"}, repo.SnapshotOptions{Exclude: []string{"*.o", "/tmp", "!keep.o"}}, nil,
			map[string]string{"c.o": "", "d/e.o": "", "d/f": "", "tmp/x": "", "keep.o": "", "g/tmp": ""}, []string{"d/f", "keep.o", "g", "g/tmp"}},
		{"ignore files", map[string]string{"a": "1", ".qsnapignore": "*.log\n!good.log\n", "d/.qsnapignore": "x\n", "d/y": ""}, repo.SnapshotOptions{}, nil,
			map[string]string{"b.log": "", "good.log": "", "d/x/z": "", "d/c.log": "", "x": "", "e/f/g.log": "", "e/f/h": ""}, []string{"good.log", "x", "e/f/h"}},
		{"an ignore file that leaves out itself", map[string]string{"a": "1", "env/.qsnapignore": "*\n", "env/bin": ""}, repo.SnapshotOptions{}, nil,
			map[string]string{"env/lib/x": "", "b": ""}, []string{"b"}},
		{"an ignore file made later, in a directory made later", map[string]string{"a": "1"}, repo.SnapshotOptions{}, nil,
			map[string]string{"env/.qsnapignore": "*\n", "env/lib/x": "", "b": ""}, []string{"b"}},
		{"ignore files made later, one of which keeps something", map[string]string{"a": "1", "d/e/b": "1"}, repo.SnapshotOptions{}, nil,
			map[string]string{"d/.qsnapignore": "*.log\n", "d/e/x.log": "", "d/e/y": "", "f/.qsnapignore": "*.log\n", "f/x": ""}, []string{"d/e/y", "f", "f/.qsnapignore", "f/x"}},
		{"an ignore file that was changed later", map[string]string{"a": "1", ".qsnapignore": "*.log\n", "d/.qsnapignore": "x\n"}, repo.SnapshotOptions{}, nil,
			map[string]string{".qsnapignore": "*.tmp\n", "b.log": "", "b.tmp": "", "d/.qsnapignore": "", "d/x": "", "d/c.tmp": ""}, []string{"b.tmp", "d/c.tmp"}},
		{"caches", map[string]string{"a": "1", "c/CACHEDIR.TAG": cacheTag, "c/d": "1"}, repo.SnapshotOptions{SkipCaches: true}, nil,
			map[string]string{"c/e/f": "", "g/CACHEDIR.TAG": cacheTag, "g/h": "", "i/CACHEDIR.TAG": "no", "i/j": ""}, []string{"i", "i/CACHEDIR.TAG", "i/j"}},
		{"what was too large", map[string]string{"a": "1", "big": "123456789"}, repo.SnapshotOptions{MaxFileSize: new(int64(5))}, nil,
			map[string]string{"b": ""}, []string{"b"}},
		{"what belongs to file systems", map[string]string{"a": "1"}, repo.SnapshotOptions{}, nil,
			map[string]string{"lost+found/x": "", ".snapshots/1/y": "", "System Volume Information/z": "", "aquota.user": "", "$RECYCLE.BIN/a": "", "d/.zfs/x": "", "d/b": ""}, []string{"d/b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := t.TempDir()
			makeTree(t, src, c.source)
			paths := []string{src}
			if c.paths != nil {
				paths = nil
				for _, p := range c.paths {
					paths = append(paths, filepath.Join(src, p))
				}
			}
			f := newFixture(t)
			m := f.snapshot(repo.Paths(paths...), c.options)
			makeTree(t, src, c.later)
			before := namesBelow(t, src)
			to := src
			if m.Layout == snapshot.Paths {
				to = "/"
			}
			var told, spared []string
			for _, dry := range []bool{true, false} {
				told, spared = nil, nil
				report := f.restore(m, repo.RestoreOptions{To: to, Delete: true, InPlace: m.Layout == snapshot.Paths, Actions: true, DryRun: dry, Progress: func(p repo.RestoreProgress) {
					name, _ := filepath.Rel(src, filepath.Join(to, p.Path))
					if p.Action == "delete" {
						told = append(told, name)
					}
					if p.Spared != "" {
						spared = append(spared, name)
					}
				}})
				slices.Sort(told)
				if !slices.Equal(told, sorted(c.gone)) || report.Deleted != int64(len(c.gone)) || report.Spared != int64(len(spared)) {
					t.Errorf("dry run %v: %q are reported to be deleted, want %q; %+v", dry, told, sorted(c.gone), report)
				}
			}
			var gone []string
			after := namesBelow(t, src)
			for _, name := range before {
				if !slices.Contains(after, name) {
					gone = append(gone, name)
				}
			}
			if !slices.Equal(sorted(gone), sorted(c.gone)) {
				t.Errorf("%q are gone, want %q; spared: %q", gone, c.gone, spared)
			}
			if report := f.restore(m, repo.RestoreOptions{To: to, Delete: true, InPlace: m.Layout == snapshot.Paths}); report.Deleted != 0 {
				t.Errorf("another restore deletes %d more", report.Deleted)
			}
		})
	}
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}

// A part of a snapshot is restored by the rules of the whole.
func TestDeletionInAPartHeedsTheRulesAboveIt(t *testing.T) {
	src := t.TempDir()
	makeTree(t, src, map[string]string{".qsnapignore": "*.log\n/d/cache\n", "d/a": "1", "d/e/b": "1"})
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{Exclude: []string{"/d/tmp"}})
	makeTree(t, src, map[string]string{"d/x.log": "", "d/cache/x": "", "d/tmp/x": "", "d/y": "", "d/e/tmp": ""})
	report := f.restore(m, repo.RestoreOptions{To: filepath.Join(src, "d"), Path: "d", Delete: true})
	want := []string{".qsnapignore", "d", "d/a", "d/cache", "d/cache/x", "d/e", "d/e/b", "d/tmp", "d/tmp/x", "d/x.log"}
	if got := namesBelow(t, src); !slices.Equal(got, want) || report.Spared != 3 {
		t.Errorf("there are %q, want %q; %+v", got, want, report)
	}
}

// mount mounts something for the time of the test.
func mount(t *testing.T, source, at, kind string, flags uintptr) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(source, at, kind, flags, ""); err != nil {
		t.Skipf("mounting isn't possible here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestDeletionStaysOnItsFileSystem(t *testing.T) {
	src, other := t.TempDir(), t.TempDir()
	at := func(name string) string { return filepath.Join(src, name) }
	makeTree(t, other, map[string]string{"o": "bound"})
	makeTree(t, src, map[string]string{"a": "1", "mnt/": "", "bind/": "", "later/x": "1"})
	mount(t, "tmpfs", at("mnt"), "tmpfs", 0)
	mount(t, other, at("bind"), "", unix.MS_BIND)
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{OneFileSystem: true})
	makeTree(t, src, map[string]string{"mnt/p": "", "bind/q": "", "new/deep/er/": "", "newbind/": "", "new/f": "", "g": ""})
	mount(t, "tmpfs", at("new/deep/er"), "tmpfs", 0)
	mount(t, other, at("newbind"), "", unix.MS_BIND)
	mount(t, "tmpfs", at("later"), "tmpfs", 0) // a directory of the snapshot is hidden
	makeTree(t, src, map[string]string{"later/y": "", "new/deep/er/z": ""})
	var mounts []string
	report := f.restore(m, repo.RestoreOptions{To: src, Delete: true, Progress: func(p repo.RestoreProgress) {
		if p.Mount != "" {
			mounts = append(mounts, p.Mount+" "+p.Path)
		}
	}})
	want := []string{"a", "bind", "bind/o", "bind/q", "later", "later/x", "later/y", "mnt", "mnt/p", "new", "new/deep", "new/deep/er", "new/deep/er/z", "newbind", "newbind/o", "newbind/q"}
	if got := namesBelow(t, src); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if want := []string{"bind bind/q", "later later/y", "mnt mnt/p"}; !slices.Equal(sorted(mounts), want) || report.Deleted != 2 {
		t.Errorf("spared on mounts are %q, want %q; %+v", mounts, want, report)
	}
	// A mount that is the destination is its own file system.
	f.restore(m, repo.RestoreOptions{To: at("later"), Path: "later", Delete: true})
	if _, err := os.Lstat(at("later/y")); err == nil {
		t.Error("a file on a file system that is the destination stays")
	}
}

// Whatever holds what qsnap itself uses stays, by whatever name it is known.
func TestARestoreHarmsNothingOfQsnapsOwn(t *testing.T) {
	src := t.TempDir()
	at := func(name string) string { return filepath.Join(src, name) }
	makeTree(t, src, map[string]string{"a": "1"})
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	makeTree(t, src, map[string]string{"x/y/repo/packs/p": "", "x/z": "", "key": "", "link-to/": ""})
	if err := os.Symlink(at("x/y/repo"), at("link-to/repo")); err != nil {
		t.Fatal(err)
	}
	o := repo.RestoreOptions{To: src, Delete: true, Protect: []string{at("link-to/repo"), at("key"), at("nowhere")}}
	f.restore(m, o)
	want := []string{"a", "key", "link-to", "link-to/repo", "x", "x/y", "x/y/repo", "x/y/repo/packs", "x/y/repo/packs/p"}
	if got := namesBelow(t, src); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	for _, to := range []string{"x/y/repo", "link-to/repo", "x/y/repo/packs", "x/y/repo/new/er"} {
		o.To = at(to)
		if _, err := f.Restore(t.Context(), m, o); err == nil || !strings.Contains(err.Error(), "qsnap itself uses") {
			t.Errorf("to %s: %v", to, err)
		}
	}
}

// A snapshot that doesn't name all it left out can't tell what may go.
func TestAnOldSnapshotWithACutListSparesAll(t *testing.T) {
	src := t.TempDir()
	makeTree(t, src, map[string]string{"a": "1"})
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	old := *m
	old.Rules, old.Notes = nil, chunk.ID{}
	old.Skipped = snapshot.Remarks{Total: 501, List: []snapshot.Remark{{Path: "d/s", Text: "rule"}}}
	makeTree(t, src, map[string]string{"b": "", "c/d": ""})
	report := f.restore(&old, repo.RestoreOptions{To: src, Delete: true})
	if got := namesBelow(t, src); len(got) != 4 || report.Spared != 2 {
		t.Errorf("there are %q; %+v", got, report)
	}
}

// Nothing is deleted if anything failed.
func TestNothingIsDeletedWhenSomethingFailed(t *testing.T) {
	src := t.TempDir()
	makeTree(t, src, map[string]string{"dir/a": "1"})
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	if err := os.RemoveAll(filepath.Join(src, "dir")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(src, "dir")); err != nil {
		t.Fatal(err)
	}
	makeTree(t, src, map[string]string{"extra": ""})
	report, err := f.Restore(context.Background(), m, repo.RestoreOptions{To: src, Delete: true, NoSync: true})
	if got := namesBelow(t, src); err == nil || fmt.Sprint(got) != "[dir extra]" || report.Deleted != 0 || report.Problems != 1 {
		t.Errorf("there are %q; %v, %+v", got, err, report)
	}
}

// A path that the recorded rules leave out stays, even if the manifest's lists are cut.
func TestDeletionHeedsRecordedRules(t *testing.T) {
	src := t.TempDir()
	makeTree(t, src, map[string]string{"a": "1"})
	f := newFixture(t)
	m := *f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	m.Skipped, m.Problems, m.Excludes = snapshot.Remarks{Total: 1000}, snapshot.Remarks{Total: 1000}, []string{"gone"}
	m.Rules = &snapshot.Rules{Patterns: []snapshot.Pattern{{Source: "--exclude", Text: "*.o"}, {Source: "x:1", Text: "!k.o"}}, IgnoreFiles: []string{".rules"}, MaxFileSize: 10}
	makeTree(t, src, map[string]string{"x.o": "", "k.o": "", "large": "12345678901", "gone/y": "", ".rules": "*.t", "d/x.t": "", "p/q": ""})
	report := f.restore(&m, repo.RestoreOptions{To: src, Delete: true})
	if got, want := namesBelow(t, src), []string{".rules", "a", "d", "d/x.t", "large", "x.o"}; !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q; %+v", got, want, report)
	}
}

// Of a manifest of an older program, what it kept of the command line counts, before the
// ignore files.
func TestDeletionHeedsTheExcludesOfOldManifests(t *testing.T) {
	src := t.TempDir()
	makeTree(t, src, map[string]string{"a": "1", ".qsnapignore": "*.log\n"})
	f := newFixture(t)
	m := *f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	m.Rules, m.Excludes = nil, []string{"*.o", "[", "!k.o", "!k.log"}
	makeTree(t, src, map[string]string{"x.o": "", "k.o": "", "x.log": "", "k.log": "", "b": ""})
	f.restore(&m, repo.RestoreOptions{To: src, Delete: true})
	if got, want := namesBelow(t, src), []string{".qsnapignore", "a", "x.log", "x.o"}; !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
}

// A directory may have been a mount point, whose files the snapshot took or left out. If
// nothing is mounted there now, the snapshot says nothing about the files in the directory.
func TestDeletionSparesWhatIsWhereSomethingWasMounted(t *testing.T) {
	for _, one := range []bool{false, true} {
		src := t.TempDir()
		at := func(name string) string { return filepath.Join(src, name) }
		makeTree(t, src, map[string]string{"a": "1", "m/": "", "d/deep/": ""})
		if os.Geteuid() != 0 {
			t.Skip("only root may mount")
		}
		for _, dir := range []string{"m", "d/deep"} {
			if err := unix.Mount("tmpfs", at(dir), "tmpfs", 0, ""); err != nil {
				t.Skipf("mounting isn't possible here: %v", err)
			}
			defer unix.Unmount(at(dir), unix.MNT_DETACH)
			makeTree(t, at(dir), map[string]string{"taken": "1"})
		}
		f := newFixture(t)
		m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{OneFileSystem: one})
		for _, dir := range []string{"m", "d/deep"} {
			if err := unix.Unmount(at(dir), 0); err != nil {
				t.Fatal(err)
			}
		}
		makeTree(t, src, map[string]string{"b": "", "m/x": "", "d/deep/y/z": "", "d/c": ""})
		report := f.restore(m, repo.RestoreOptions{To: src, Delete: true})
		want := []string{"a", "d", "d/deep", "d/deep/taken", "d/deep/y", "d/deep/y/z", "m", "m/taken", "m/x"}
		if one {
			want = slices.DeleteFunc(want, func(name string) bool { return strings.HasSuffix(name, "taken") })
		}
		if got := namesBelow(t, src); !slices.Equal(got, want) {
			t.Errorf("one file system %v: there are %q, want %q; %+v", one, got, want, report)
		}
		// Where the directory was on the way to what is noted, and is gone, nothing is known.
		if one {
			makeTree(t, src, map[string]string{"c/y": ""})
			report = f.restore(m, repo.RestoreOptions{To: at("d"), Path: "d", Delete: true})
			if _, err := os.Lstat(at("d/deep/y/z")); err != nil || report.Spared != 1 {
				t.Errorf("of a part: %v, %+v", err, report)
			}
		}
	}
}
