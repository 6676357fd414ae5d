package repo_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
)

// Wherever a restore is killed, nothing is lost that the snapshot doesn't have: it is where
// it was, or moved aside, until all that the snapshot has is there. The next restore makes
// all right, and leaves no parts.
func TestAKilledRestoreLosesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	src := t.TempDir()
	swapTrees(t, src, t.TempDir())
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	complete := treetest.Describe(t, src)
	for left := int64(0); ; left++ {
		out := t.TempDir()
		swapTrees(t, t.TempDir(), out)
		at, _, unmount := mountMortal(t, out, left)
		_, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: at, Delete: true, NoSync: true})
		unmount()
		all := true
		after := treetest.Describe(t, out)
		for name := range complete {
			all = all && (after[name] != "" || name == ".")
		}
		if texts := liveTexts(t, out); !all && len(texts) < 7 { // the file of the same name is replaced at any time
			t.Fatalf("killed after %d changes, %q are left of what was there: %q", left, texts, namesBelow(t, out))
		}
		f.restore(m, repo.RestoreOptions{To: out, InPlace: true, Delete: true})
		for _, name := range namesBelow(t, out) {
			if strings.HasPrefix(name, ".qsnap-aside-") {
				must(t, os.RemoveAll(filepath.Join(out, name)))
			}
		}
		must(t, os.Chtimes(out, time.Now(), mtime(t, src)))
		treetest.Same(t, src, out)
		if t.Failed() {
			t.Fatalf("killed after %d changes", left)
		}
		if err == nil {
			if left < 20 {
				t.Errorf("the restore made only %d changes", left)
			}
			return
		}
	}
}

func mtime(t *testing.T, name string) time.Time {
	info, err := os.Stat(name)
	must(t, err)
	return info.ModTime()
}

// liveTexts returns the different texts of the live tree that are still there.
func liveTexts(t *testing.T, top string) []string {
	return slices.DeleteFunc(textsBelow(t, top), func(text string) bool { return !strings.HasPrefix(text, "live") })
}

// Wherever a restore that deletes first is killed, only what may go is gone before all that
// the snapshot has is there, and the next restore makes all right.
func TestARestoreKilledAfterItDeletedFirstLacksOnlyWhatMayGo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	src := t.TempDir()
	makeTree(t, src, map[string]string{"a": "new a", "b": "new b", "d/e": "new e", "f": "new f"})
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{Exclude: []string{"*.o"}})
	between := 0
	for left := int64(0); ; left++ {
		out := t.TempDir()
		makeTree(t, out, map[string]string{"a": "live a", "d/x/y": "live y", "f/in/the/way": "live way", "left/out.o": "live out", "z": "live z"})
		at, _, unmount := mountMortal(t, out, left)
		report, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: at, Delete: true, DeleteFirst: true, NoSync: true})
		unmount()
		texts := textsBelow(t, out)
		has := func(text string) bool { return slices.Contains(texts, text) }
		complete := has("new a") && has("new b") && has("new e") && has("new f")
		if !has("live out") || !has("live a") && !has("new a") || !has("live way") && !complete {
			t.Errorf("killed after %d changes, there are only %q; %+v", left, texts, report)
		}
		if !has("live z") && !has("live y") && has("live a") && !has("new b") {
			between++
		}
		f.restore(m, repo.RestoreOptions{To: out, Delete: true, DeleteFirst: true, NoSync: true})
		got := slices.DeleteFunc(namesBelow(t, out), func(name string) bool { return strings.HasPrefix(name, ".qsnap-aside-") })
		if got := strings.Join(got, " "); got != "a b d d/e f left left/out.o" {
			t.Errorf("killed after %d changes, the next restore leaves %s", left, got)
		}
		if t.Failed() || err == nil {
			break
		}
	}
	if between == 0 {
		t.Error("it was never killed between deletion and writing")
	}
}

// textsBelow returns the different texts of the files in a directory.
func textsBelow(t *testing.T, top string) (out []string) {
	for _, name := range namesBelow(t, top) {
		if info, err := os.Lstat(filepath.Join(top, name)); err == nil && info.Mode().IsRegular() {
			b, err := os.ReadFile(filepath.Join(top, name))
			must(t, err)
			if !slices.Contains(out, string(b)) {
				out = append(out, string(b))
			}
		}
	}
	return out
}
