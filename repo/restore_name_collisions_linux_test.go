package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// named restores, and returns the paths for which a problem is reported, sorted. Unknown is
// set to the notice of names of which nothing is known.
func (f *fixture) named(m *snapshot.Manifest, o repo.RestoreOptions, unknown **repo.NamesUnknown) (paths []string, err error) {
	o.NoOwner, o.NoSync = true, true
	o.Progress = func(u repo.RestoreProgress) {
		if u.Problem != nil {
			paths = append(paths, u.Path)
		}
		errors.As(u.Notice, unknown)
	}
	_, err = f.Restore(f.t.Context(), m, o)
	slices.Sort(paths)
	return paths, err
}

// filesOf returns a tree whose files hold their own paths.
func filesOf(paths ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, path := range paths {
		out[path] = &fstest.MapFile{Data: []byte(path), Mode: 0o644}
	}
	return out
}

// pathsIn returns all files below a directory, sorted. Each must hold its own path.
func pathsIn(t *testing.T, dir string) (paths []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() && !disk.IsPart(d.Name()) {
			return err
		}
		rel := path[len(dir)+1:]
		paths = append(paths, rel)
		if text, err := os.ReadFile(path); err != nil || string(text) != rel {
			t.Errorf("%s holds %q, %v", rel, text, err)
		}
		return nil
	}))
	return paths
}

// Names that are one in the destination are named, and none of them is restored: the
// destination decides which these are, in each directory that is there.
func TestTheDestinationSaysWhichNamesMeet(t *testing.T) {
	long := strings.Repeat("l", 200)
	for name, c := range map[string]struct {
		key         func(dir, name string) string
		there       []string
		files, want []string // of the snapshot, and those that are restored
		named       []string
	}{
		"composed letters": {
			key:   composes,
			files: []string{"A", "a", "caf\u00e9", "cafe\u0301", "o\u0308/x", "\u00f6/y", "new/\u01e8", "new/K\u030c", "new/e\u0301t\u00e9", "single/cafe\u0301"},
			want:  []string{"A", "a", "new/e\u0301t\u00e9", "single/cafe\u0301"},
			named: []string{"caf\u00e9", "new/\u01e8", "\u00f6"},
		},
		"case and letters": {
			key:   func(_, name string) string { return composes("", foldsCase("", name)) },
			there: []string{"deep/there"},
			files: []string{"deep/E\u0301", "deep/\u00e9", "deep/there", "deep/er/B", "deep/er/b", "c"},
			want:  []string{"c", "deep/there"},
			named: []string{"deep/er/b", "deep/\u00e9"},
		},
		"letters that become several": {
			key:   func(_, name string) string { return strings.ReplaceAll(strings.ToLower(name), "\u00df", "ss") },
			files: []string{"stra\u00dfe", "strasse", "STRASSE", "strase"},
			want:  []string{"strase"},
			named: []string{"strasse", "stra\u00dfe"},
		},
		"one directory": {
			key: func(dir, name string) string {
				if dir == "fold" || strings.HasPrefix(dir, "fold/") {
					return strings.ToLower(name)
				}
				return name
			},
			there: []string{"fold/x", "other/x"},
			files: []string{"A", "a", "fold/A", "fold/a", "fold/new/B", "fold/new/b", "fold/x", "other/A", "other/a", "other/x"},
			want:  []string{"A", "a", "fold/x", "other/A", "other/a", "other/x"},
			named: []string{"fold/a", "fold/new/b"},
		},
		"all but one directory": {
			key: func(dir, name string) string {
				if dir == "tells" || strings.HasPrefix(dir, "tells/") {
					return name
				}
				return strings.ToLower(name)
			},
			there: []string{"tells/x"},
			files: []string{"A", "a", "b", "tells/A", "tells/a", "tells/x"},
			want:  []string{"b", "tells/A", "tells/a", "tells/x"},
			named: []string{"a"},
		},
		"dots and spaces at the end": {
			key:   func(_, name string) string { return strings.TrimRight(name, ". ") },
			files: []string{"a", "a.", "A", "b ", "b. ", "c."},
			want:  []string{"A", "c."},
			named: []string{"a.", "b. "},
		},
		"long names are cut": {
			key:   func(_, name string) string { return name[:min(len(name), 100)] },
			files: []string{long + "1", long + "2", "short"},
			want:  []string{"short"},
			named: []string{long + "2"},
		},
		"foreign letters are replaced": {
			key: func(_, name string) string {
				return strings.Map(func(r rune) rune {
					if r > 127 {
						return '?'
					}
					return r
				}, name)
			},
			files: []string{"\u4e2d", "\u6587", "\u4e2d\u6587", "x"},
			want:  []string{"x", "\u4e2d\u6587"},
			named: []string{"\u6587"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, spellings := range []bool{false, true} {
				f := newFixture(t)
				m := f.snapshot(repo.FromFS(filesOf(c.files...), "/x"), repo.SnapshotOptions{})
				to := mountFolding(t, folding{key: c.key, spellings: spellings})
				for _, path := range c.there {
					must(t, os.MkdirAll(filepath.Dir(filepath.Join(to, path)), 0o755), os.WriteFile(filepath.Join(to, path), []byte(path), 0o644))
				}
				named, err := f.named(m, repo.RestoreOptions{To: to, Delete: true, Verify: true}, new(*repo.NamesUnknown))
				if !slices.Equal(named, c.named) {
					t.Errorf("%+q are named, not %+q", named, c.named)
				}
				if !errors.Is(err, repo.ErrIncomplete) || errors.Is(err, repo.ErrDamaged) || errors.Is(err, repo.ErrVerification) {
					t.Error(err)
				}
				left := pathsIn(t, to)
				if want := slices.Sorted(slices.Values(c.want)); !slices.Equal(left, want) {
					t.Errorf("%+q are there, not %+q", left, want)
				}
			}
		})
	}
}

// Trying names leaves nothing behind, and changes no directory's time; what a killed
// restore left of that goes.
func TestTryingNamesLeavesNothing(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(filesOf("there/A", "there/a"), "/x"), repo.SnapshotOptions{})
	to := mountFolding(t, folding{key: foldsCase})
	there := filepath.Join(to, "there")
	session := disk.NewSession()
	session.End()
	must(t, os.MkdirAll(filepath.Join(there, ".qsnap-part-"+string(session)+"-01234567/sub"), 0o755))
	then := time.Unix(1e9, 0)
	must(t, os.Chtimes(there, then, then))
	if named, _ := f.named(m, repo.RestoreOptions{To: to, Overwrite: repo.OverwriteNever}, new(*repo.NamesUnknown)); !slices.Equal(named, []string{"there/a"}) {
		t.Errorf("%q are named", named)
	}
	if left, err := os.ReadDir(there); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	must(t, os.Chtimes(there, then, then))
	_, _ = f.named(m, repo.RestoreOptions{To: to, Overwrite: repo.OverwriteNever}, new(*repo.NamesUnknown))
	if info, err := os.Stat(there); err != nil || !info.ModTime().Equal(then) {
		t.Errorf("the directory's time is %v, %v", info.ModTime(), err)
	}
}
