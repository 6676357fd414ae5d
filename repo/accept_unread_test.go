package repo_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
)

func TestWhatMayBeUnreadableLeavesASnapshotGood(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"kept", "run/a.sock", "run/b.sock", "cache/x/1", "cache/2", "secret"} {
		files[name] = &fstest.MapFile{Data: []byte(name), Mode: 0o644}
	}
	unreadable := map[string]error{}
	for _, name := range []string{"run/a.sock", "cache/x", "cache/2"} {
		unreadable[name] = fs.ErrPermission
	}
	f := newFixture(t)
	f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	src := repo.FromFS(&restlessFS{MapFS: files, opens: unreadable}, "/x")
	m, err := f.Snapshot(t.Context(), src, repo.SnapshotOptions{})
	if !errors.Is(err, repo.ErrIncomplete) || m.Good() || m.Unread.Files+m.Unread.Dirs != 3 {
		t.Fatalf("nothing was accepted: %v, %+v", err, m.Unread)
	}
	m, err = f.Snapshot(t.Context(), src, repo.SnapshotOptions{AcceptUnread: []string{"*.sock", "/x/cache/"}})
	if err != nil || !m.Good() || m.Unread.Files+m.Unread.Dirs != 0 || m.Problems.Total != 0 {
		t.Fatalf("all was accepted: %v, %+v, %+v", err, m.Unread, m.Problems)
	}
	var left []string
	for _, r := range m.Skipped.List {
		left = append(left, r.Path)
		if !strings.Contains(r.Text, "which is accepted") {
			t.Errorf("%+v", r)
		}
	}
	if got := strings.Join(left, " "); m.Skipped.Total != 3 || !strings.Contains(got, "a.sock") {
		t.Errorf("left out: %s", got)
	}
	unreadable["secret"] = fs.ErrPermission
	m, err = f.Snapshot(t.Context(), src, repo.SnapshotOptions{AcceptUnread: []string{"*.sock", "/x/cache/"}})
	if !errors.Is(err, repo.ErrIncomplete) || m.Unread.Files != 1 || m.Problems.Total != 1 {
		t.Errorf("another was not accepted: %v, %+v", err, m.Unread)
	}
	// A restore that deletes leaves alone what the snapshot could not read.
	to := t.TempDir()
	for _, name := range []string{"run/a.sock", "cache/x/1"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), []byte("here"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	delete(unreadable, "secret")
	m = f.snapshot(src, repo.SnapshotOptions{AcceptUnread: []string{"*.sock", "/x/cache/"}})
	if _, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: to, Delete: true, NoSync: true}); err != nil && !errors.Is(err, repo.ErrIncomplete) {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"run/a.sock": true, "cache/x/1": true, "kept": true} {
		if _, err := os.Lstat(filepath.Join(to, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Snapshot(t.Context(), src, repo.SnapshotOptions{AcceptUnread: []string{"["}}); err == nil || !strings.Contains(err.Error(), "accept-unread") {
		t.Errorf("a bad pattern: %v", err)
	}
}

func TestSingleSourcesMayBeEmpty(t *testing.T) {
	w, f := t.TempDir(), newFixture(t)
	for _, name := range []string{"spool/1", "spool2/1", "data/1"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(w, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	src := repo.Paths(w+"/spool", w+"/spool2", w+"/data")
	f.snapshot(src, repo.SnapshotOptions{})
	for _, name := range []string{"spool/1", "spool2/1"} {
		if err := os.Remove(filepath.Join(w, name)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := f.Snapshot(t.Context(), src, repo.SnapshotOptions{MayBeEmpty: []string{w + "/spool"}})
	if !errors.Is(err, repo.ErrIncomplete) || len(m.Missing) != 1 || m.Missing[0].Path != w+"/spool2" {
		t.Errorf("%v, missing %v", err, m.Missing)
	}
	m = f.snapshot(src, repo.SnapshotOptions{MayBeEmpty: []string{w + "/spool", w + "/spool2"}})
	if !m.Good() {
		t.Errorf("missing %v", m.Missing)
	}
}
