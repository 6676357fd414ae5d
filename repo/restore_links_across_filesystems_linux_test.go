package repo_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/qsnap/qsnap/repo"
)

// Names of one file that come to lie on different file systems are one file on each: that
// is said, and costs no content.
func TestHardLinksThatWouldLeadToAnotherFileSystemAreKeptWithinEach(t *testing.T) {
	src, out := t.TempDir(), t.TempDir()
	at := func(name string) string { return filepath.Join(out, name) }
	makeTree(t, src, map[string]string{"a/1": "one", "b/": "", "b/new/": ""})
	for _, name := range []string{"a/2", "b/3", "b/new/4"} {
		must(t, os.Link(filepath.Join(src, "a/1"), filepath.Join(src, name)))
	}
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	mount(t, "tmpfs", at("b"), "tmpfs", 0)
	for i, want := range []string{"0 created, problem b/3", "6 created, problem b/3", "0 created, problem b/3"} {
		named := ""
		report, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, NoSync: true, DryRun: i == 0, Progress: func(p repo.RestoreProgress) {
			if p.Problem != nil {
				named += ", problem " + p.Path
			}
		}})
		if i == 0 {
			report.Created -= 6 // that would be
		}
		if got := fmt.Sprint(report.Created, " created", named); got != want || !errors.Is(err, repo.ErrIncomplete) || errors.Is(err, repo.ErrDamaged) {
			t.Errorf("restore %d: %s, want %s; %v", i, got, want, err)
		}
	}
	same := func(a, b string) bool {
		x, err1 := os.Stat(at(a))
		y, err2 := os.Stat(at(b))
		must(t, err1, err2)
		return os.SameFile(x, y)
	}
	if !same("a/1", "a/2") || !same("b/3", "b/new/4") || same("a/1", "b/3") {
		t.Error("they are linked otherwise")
	}
	for _, name := range []string{"a/2", "b/3"} {
		if b, err := os.ReadFile(at(name)); err != nil || string(b) != "one" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}
