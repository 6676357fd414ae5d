package repo_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A restore changes nothing of a file that has a name outside of it, and what are separate
// files in the snapshot are separate files afterwards.
func TestARestoreLeavesHardLinkedFilesAsTheyAre(t *testing.T) {
	src, top := t.TempDir(), t.TempDir()
	out, outside := filepath.Join(top, "out"), filepath.Join(top, "outside")
	makeTree(t, src, map[string]string{"mode": "mode", "same": "same", "content": "new", "a": "twin", "b": "twin", "c": "equal", "d": "equal", "e": "one", "h": "equal"})
	at := func(name string) string { return filepath.Join(src, name) }
	must(t, os.Chmod(at("mode"), 0o4711), os.Chmod(at("a"), 0o600), os.Chmod(at("b"), 0o644), os.Link(at("e"), at("f")), os.Symlink("x", at("link")))
	if os.Geteuid() == 0 {
		must(t, os.Chown(at("a"), 1234, 1234), os.Chmod(at("a"), 0o600), os.Lchown(at("link"), 1234, 1234))
	}
	for _, name := range []string{"c", "d", "h"} {
		must(t, os.Chtimes(at(name), time.Unix(1e9, 0), time.Unix(1e9, 0)))
	}
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	f.restore(m, repo.RestoreOptions{To: out})

	must(t, os.Mkdir(outside, 0o755), os.Chmod(filepath.Join(out, "mode"), 0o644))
	for _, name := range []string{"mode", "same", "content", "link"} {
		must(t, os.Link(filepath.Join(out, name), filepath.Join(outside, name)))
	}
	must(t, os.WriteFile(filepath.Join(out, "content"), []byte("old"), 0o644), os.Lchown(filepath.Join(out, "link"), os.Getuid(), os.Getgid()))
	relink := func(first string, others ...string) {
		for _, other := range others {
			must(t, os.Remove(filepath.Join(out, other)), os.Link(filepath.Join(out, first), filepath.Join(out, other)))
		}
	}
	relink("a", "b")
	relink("c", "d", "h")
	before := treetest.Describe(t, outside)
	for name, line := range before { // when the outside's names are the only ones, that shows
		before[name], _, _ = strings.Cut(line, " links ")
	}
	f.restore(m, repo.RestoreOptions{To: out, InPlace: true, Verify: true})
	after := treetest.Describe(t, outside)
	for name, line := range after {
		after[name], _, _ = strings.Cut(line, " links ")
	}
	treetest.Equal(t, before, after)
	must(t, os.RemoveAll(outside)) // with its further name of what stayed as it was
	treetest.Same(t, src, out)
}

// Verification finds what is not as in the snapshot, be it only a mode, an owner or a link.
func TestVerificationCoversAttributesAndLinks(t *testing.T) {
	src := t.TempDir()
	makeTree(t, src, map[string]string{"a": "1", "b": "1", "e": "1", "z": "1"})
	must(t, os.Link(filepath.Join(src, "e"), filepath.Join(src, "f")))
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	for what, harm := range map[string]func(at func(string) string){
		"its mode":               func(at func(string) string) { must(t, os.Chmod(at("a"), 0o640)) },
		"its owner":              func(at func(string) string) { must(t, os.Chown(at("a"), 1234, 1234)) },
		"hard link to another":   func(at func(string) string) { must(t, os.Remove(at("b")), os.Link(at("a"), at("b"))) },
		"no hard link":           func(at func(string) string) { must(t, os.Remove(at("f")), os.WriteFile(at("f"), []byte("1"), 0o644)) },
		"not as in the snapshot": func(at func(string) string) { must(t, os.WriteFile(at("a"), []byte("2"), 0o644)) },
	} {
		if what == "its owner" && os.Geteuid() != 0 {
			continue
		}
		out, harmed, told := t.TempDir(), false, ""
		_, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, NoSync: true, Verify: true, Actions: true, Progress: func(p repo.RestoreProgress) {
			if p.Action != "" && p.Path == "f" && !harmed {
				harmed = true
				harm(func(name string) string { return filepath.Join(out, name) })
			}
			if p.Problem != nil {
				told += p.Problem.Error()
			}
		}})
		if !errors.Is(err, repo.ErrVerification) || !errors.Is(err, repo.ErrIncomplete) || !strings.Contains(told, what) {
			t.Errorf("%s: %v, %q", what, err, told)
		}
	}
}

// A file that couldn't be restored isn't reported as failed verification, too.
func TestWhatCouldNotBeRestoredFailsNoVerification(t *testing.T) {
	src, out := t.TempDir(), t.TempDir()
	makeTree(t, src, map[string]string{"d/x": "1", "f": "1", "g": "1"})
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	makeTree(t, out, map[string]string{"f/stays": ""})
	must(t, os.Symlink(t.TempDir(), filepath.Join(out, "d")))
	_, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, NoSync: true, Verify: true})
	if !errors.Is(err, repo.ErrIncomplete) || errors.Is(err, repo.ErrVerification) {
		t.Error(err)
	}
}

// swapTrees makes a source and a live tree in which files stand for directories and
// directories for files, and an extra file.
func swapTrees(t *testing.T, src, live string) {
	t.Helper()
	long := strings.Repeat("n", 250)
	makeTree(t, src, map[string]string{"d1/x": "new", "d1/y/z": "new", "f1": "new file", "f2": "new file", "same": "same", long: "new"})
	must(t, os.Link(filepath.Join(src, "f2"), filepath.Join(src, "f3")), os.Symlink("target", filepath.Join(src, "l1")))
	makeTree(t, live, map[string]string{"d1": "live", "f1/a/b": "live f1", "f2/c": "live f2", "f3/d": "live f3", "l1/e": "live l1", "same": "live same", "extra": "live extra", long + "/g": "live long"})
}

func TestWhatStandsInTheWayIsReplacedInTheEnd(t *testing.T) {
	src, out := t.TempDir(), t.TempDir()
	swapTrees(t, src, out)
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	before := treetest.Describe(t, out)
	report, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, NoSync: true})
	if !errors.Is(err, repo.ErrIncomplete) || report.Problems != 6 { // with the file that is kept, as something failed
		t.Errorf("without deletion: %v, %+v", err, report)
	}
	after := treetest.Describe(t, out)
	for _, name := range []string{"f1/a/b", "f2/c", "f3/d", "l1/e", "extra"} {
		if after[name] != before[name] {
			t.Errorf("without deletion %s is %q", name, after[name])
		}
	}
	for _, name := range namesBelow(t, out) { // the file in place of d1 is kept: something failed
		if strings.HasPrefix(name, ".qsnap-aside-") {
			must(t, os.Remove(filepath.Join(out, name)))
		}
	}
	f.restore(m, repo.RestoreOptions{To: out, InPlace: true, Delete: true, Verify: true})
	treetest.Same(t, src, out)
}

// When a restore is cancelled, what it would have replaced is where it was.
func TestACancelledRestoreLeavesWhatIsInItsWay(t *testing.T) {
	src := t.TempDir()
	f := newFixture(t)
	swapTrees(t, src, t.TempDir())
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	for stop := 1; stop < 100; stop++ {
		ctx, cancel := context.WithCancel(t.Context())
		out := t.TempDir()
		swapTrees(t, t.TempDir(), out)
		seen, deleted := 0, false
		_, err := f.Restore(ctx, m, repo.RestoreOptions{To: out, NoSync: true, Delete: true, Actions: true, Progress: func(p repo.RestoreProgress) {
			deleted = deleted || p.Action == "delete"
			if p.Action != "" && !deleted {
				if seen++; seen == stop {
					cancel()
				}
			}
		}})
		cancel()
		if err == nil {
			if stop < 6 {
				t.Errorf("it has only %d steps", stop)
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for _, name := range []string{"d1", "f1/a/b", "f2/c", "f3/d", "l1/e", "extra", strings.Repeat("n", 250) + "/g"} {
			if b, err := os.ReadFile(filepath.Join(out, name)); err != nil || !strings.HasPrefix(string(b), "live") {
				t.Errorf("stopped at %d: %s is %q, %v", stop, name, b, err)
			}
		}
		for _, name := range namesBelow(t, out) {
			if strings.Contains(name, ".qsnap-") {
				t.Errorf("stopped at %d: %s is left", stop, name)
			}
		}
	}
}
