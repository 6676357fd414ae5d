package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
)

func unmount(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
}

func TestASourceThatHadFilesAndHasNoneIsMissing(t *testing.T) {
	remove := func(t *testing.T, p string) {
		t.Helper()
		if err := os.RemoveAll(p); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		before  func(t *testing.T, w string) // makes what is below w
		named   string
		then    func(t *testing.T, w string) // what happens to it
		missing string                       // the paths, or "all"
		notice  string
		holds   string // after that
	}{
		{"a directory became empty", func(t *testing.T, w string) { put(t, w, "d/1") }, "d",
			func(t *testing.T, w string) { remove(t, w+"/d/1") }, "all", "", ""},
		{"one of two became empty", func(t *testing.T, w string) { put(t, w, "d/1", "e/2") }, "d e",
			func(t *testing.T, w string) { remove(t, w+"/d/1") }, "d", "", "e/2"},
		{"one of two is gone", func(t *testing.T, w string) { put(t, w, "d/1", "e/2") }, "d e",
			func(t *testing.T, w string) { remove(t, w+"/d") }, "d", "", "e/2"},
		{"one of two files is gone", func(t *testing.T, w string) { put(t, w, "f", "g") }, "f g",
			func(t *testing.T, w string) { remove(t, w+"/f") }, "f", "", "g"},
		{"it was always empty", func(t *testing.T, w string) { put(t, w, "d/", "e/2") }, "d e", func(*testing.T, string) {}, "", "", "e/2"},
		{"a directory in it became empty", func(t *testing.T, w string) { put(t, w, "d/in/1", "d/2") }, "d",
			func(t *testing.T, w string) { remove(t, w+"/d/in/1") }, "", "", "d/2"},
		{"it isn't mounted", func(t *testing.T, w string) { mountTmpfs(t, w+"/d"); put(t, w, "d/1") }, "d",
			func(t *testing.T, w string) { unmount(t, w+"/d") }, "all", "", ""},
		{"something else is below the mount", func(t *testing.T, w string) { put(t, w, "d/x"); mountTmpfs(t, w+"/d"); put(t, w, "d/1") }, "d",
			func(t *testing.T, w string) { unmount(t, w+"/d") }, "all", "", ""},
		{"the like is below the mount", func(t *testing.T, w string) { put(t, w, "d/1"); mountTmpfs(t, w+"/d"); put(t, w, "d/1", "d/2") }, "d",
			func(t *testing.T, w string) { unmount(t, w+"/d") }, "", "d was a mount point", "d/1"},
		{"a bind mount is gone", func(t *testing.T, w string) {
			put(t, w, "from/1")
			mountKind(t, w+"/from", w+"/d", "", syscall.MS_BIND, "")
		}, "d from", func(t *testing.T, w string) { unmount(t, w+"/d") }, "d", "", "from/1"},
		{"a mount in it is gone", func(t *testing.T, w string) { put(t, w, "d/2"); mountTmpfs(t, w+"/d/m"); put(t, w, "d/m/1") }, "d",
			func(t *testing.T, w string) { unmount(t, w+"/d/m") }, "d/m", "", "d/2"},
		{"a mount in it was empty", func(t *testing.T, w string) { put(t, w, "d/2"); mountTmpfs(t, w+"/d/m") }, "d",
			func(t *testing.T, w string) { unmount(t, w+"/d/m") }, "", "", "d/2"},
		{"a mount in it and its directory are gone", func(t *testing.T, w string) { put(t, w, "d/2"); mountTmpfs(t, w+"/d/m"); put(t, w, "d/m/1") }, "d",
			func(t *testing.T, w string) { unmount(t, w+"/d/m"); remove(t, w+"/d/m") }, "", "", "d/2"},
		{"another file system is mounted there", func(t *testing.T, w string) { mountTmpfs(t, w+"/d"); put(t, w, "d/1") }, "d",
			func(t *testing.T, w string) { unmount(t, w+"/d"); mountTmpfs(t, w+"/d"); put(t, w, "d/2") }, "", "", "d/2"},
		{"a mount behind a link is gone", func(t *testing.T, w string) { mountTmpfs(t, w+"/m"); put(t, w, "m/1", "d -> m", "e/2") }, "d e",
			func(t *testing.T, w string) { unmount(t, w+"/m") }, "d", "", "e/2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, f := t.TempDir(), newFixture(t)
			c.before(t, w)
			var paths []string
			for name := range strings.FieldsSeq(c.named) {
				paths = append(paths, filepath.Join(w, name))
			}
			f.snapshot(repo.Paths(paths...), repo.SnapshotOptions{})
			c.then(t, w)
			for range 2 { // the second time it is missing still
				var notices []string
				m, err := f.Snapshot(t.Context(), repo.Paths(paths...), repo.SnapshotOptions{Progress: func(p repo.SnapshotProgress) {
					if p.Notice != nil {
						notices = append(notices, p.Notice.Error())
					}
				}})
				if c.missing == "all" {
					if !errors.Is(err, repo.ErrEmptySource) || m != nil {
						t.Fatalf("it is taken: %v", err)
					}
					continue
				}
				if err != nil && !errors.Is(err, repo.ErrIncomplete) {
					t.Fatal(err)
				}
				var missing []string
				for _, x := range m.Missing {
					missing = append(missing, strings.TrimPrefix(x.Path, w+"/"))
				}
				if got := strings.Join(missing, " "); got != c.missing || m.Good() != (got == "") {
					t.Errorf("missing %q; good: %v", got, m.Good())
				}
				if c.missing != "" {
					if m.Stats.Files != 1 {
						t.Errorf("it holds %+v", m.Stats)
					}
				} else if got := strings.Join(held(t, f, m, w), " "); got != c.holds {
					t.Errorf("it holds %s", got)
				}
				if got := strings.Join(notices, " "); !strings.Contains(got, c.notice) || got != "" && c.notice == "" {
					t.Errorf("said: %q", got)
				}
				c.notice = "" // it is said once
			}
			permitted := f.snapshot(repo.Paths(paths...), repo.SnapshotOptions{AllowEmptySource: true})
			if gone := strings.HasSuffix(c.name, "is gone") && strings.HasPrefix(c.name, "one"); len(permitted.Missing) > 0 != gone {
				t.Errorf("permitted, and missing all the same: %v", permitted.Missing)
			}
		})
	}
}

func TestAFileSystemOfAProgramThatBecameEmptyIsMissing(t *testing.T) {
	f := newFixture(t)
	f.snapshot(repo.FromFS(fstest.MapFS{"a": {}}, "/x"), repo.SnapshotOptions{})
	if _, err := f.Snapshot(t.Context(), repo.FromFS(fstest.MapFS{}, "/x"), repo.SnapshotOptions{}); !errors.Is(err, repo.ErrEmptySource) {
		t.Error(err)
	}
	f.snapshot(repo.FromFS(fstest.MapFS{}, "/x"), repo.SnapshotOptions{AllowEmptySource: true})
}

// Any snapshot that holds a source tells what the source had, also if it holds other
// sources.
func TestASourceThatWasTakenBesideOthersIsMissingWhenItIsEmpty(t *testing.T) {
	type run struct{ named, missing string } // missing is "all" where there is no snapshot
	for _, c := range []struct {
		name   string
		before func(t *testing.T, w string)
		first  []run
		then   func(t *testing.T, w string)
		second []run
	}{
		{"a path more is named", func(t *testing.T, w string) { put(t, w, "d/1", "e/2", "f/3") }, []run{{"d e", ""}},
			func(t *testing.T, w string) { empty(t, w+"/d") }, []run{{"d e f", "d"}, {"d f", "d"}, {"d", "all"}}},
		{"a path less is named", func(t *testing.T, w string) { put(t, w, "d/1", "e/2", "f/3") }, []run{{"d e f", ""}},
			func(t *testing.T, w string) { empty(t, w+"/d") }, []run{{"d e", "d"}, {"d", "all"}}},
		{"what was in a path is named", func(t *testing.T, w string) { put(t, w, "d/in/1", "e/2") }, []run{{"d", ""}},
			func(t *testing.T, w string) { empty(t, w+"/d/in") }, []run{{"d/in e", "d/in"}, {"d/in", "all"}}},
		{"the snapshot that named it counts", func(t *testing.T, w string) { put(t, w, "d/in/1") }, []run{{"d/in", ""}},
			func(t *testing.T, w string) { empty(t, w+"/d/in") }, []run{{"d", ""}, {"d/in", "all"}}},
		{"another source is always missing", func(t *testing.T, w string) { put(t, w, "d/1", "e/2", "f/3") }, []run{{"d e f", ""}, {"d e", ""}},
			func(t *testing.T, w string) { empty(t, w+"/d"); empty(t, w+"/e") }, []run{{"d e f", "d e"}, {"d f", "d"}}},
		{"it was permitted to be empty", func(t *testing.T, w string) { put(t, w, "d/", "e/2") }, []run{{"d e", ""}},
			func(*testing.T, string) {}, []run{{"d", ""}, {"d e", ""}}},
		{"it was a mount point", func(t *testing.T, w string) { put(t, w, "d/x", "e/2"); mountTmpfs(t, w+"/d"); put(t, w, "d/1") }, []run{{"d e", ""}},
			func(t *testing.T, w string) { unmount(t, w+"/d") }, []run{{"d", "all"}, {"d e", "d"}}},
		{"it was a mount point in a path", func(t *testing.T, w string) { put(t, w, "d/m/x", "e/2"); mountTmpfs(t, w+"/d/m"); put(t, w, "d/m/1") }, []run{{"d", ""}},
			func(t *testing.T, w string) { unmount(t, w+"/d/m") }, []run{{"d/m", "all"}, {"d e", "d/m"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, f := t.TempDir(), newFixture(t)
			c.before(t, w)
			take := func(r run) {
				t.Helper()
				var paths []string
				for name := range strings.FieldsSeq(r.named) {
					paths = append(paths, filepath.Join(w, name))
				}
				m, err := f.Snapshot(t.Context(), repo.Paths(paths...), repo.SnapshotOptions{})
				var missing []string
				switch {
				case errors.Is(err, repo.ErrEmptySource):
					missing = []string{"all"}
				case err != nil && !errors.Is(err, repo.ErrIncomplete):
					t.Fatal(err)
				default:
					for _, x := range m.Missing {
						missing = append(missing, strings.TrimPrefix(x.Path, w+"/"))
					}
				}
				if got := strings.Join(missing, " "); got != r.missing {
					t.Errorf("of %s is missing %q instead of %q", r.named, got, r.missing)
				}
			}
			for _, r := range c.first {
				take(r)
			}
			c.then(t, w)
			for _, r := range c.second {
				take(r)
			}
		})
	}
}

// empty removes all that is in a directory.
func empty(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
}
