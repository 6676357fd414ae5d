package repo_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// Symbolic links that are planted in the destination, by others or by an earlier
// snapshot, lead nothing out of it.
func TestRestoreNeverWritesOutsideItsDestination(t *testing.T) {
	f := newFixture(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "file"), []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := treetest.Describe(t, outside)
	links := f.snapshot(repo.FromFS(fstest.MapFS{
		"dir":      {Data: []byte(outside), Mode: os.ModeSymlink},
		"up":       {Data: []byte(".."), Mode: os.ModeSymlink},
		"deep/dir": {Data: []byte(outside), Mode: os.ModeSymlink},
	}, "/links"), repo.SnapshotOptions{})
	files := f.snapshot(repo.FromFS(fstest.MapFS{
		"dir/file":      {Data: []byte("inside"), Mode: 0o644},
		"dir/new":       {Data: []byte("inside"), Mode: 0o644},
		"up/file":       {Data: []byte("inside"), Mode: 0o644},
		"deep/dir/file": {Data: []byte("inside"), Mode: 0o644},
	}, "/files"), repo.SnapshotOptions{})
	for _, policy := range []repo.Overwrite{repo.OverwriteAlways, repo.OverwriteIfChanged, repo.OverwriteIfNewer, repo.OverwriteNever} {
		out := filepath.Join(t.TempDir(), "x", "out")
		f.restore(links, repo.RestoreOptions{To: out})
		_, err := f.Restore(t.Context(), files, repo.RestoreOptions{To: out, Overwrite: policy, Delete: true, Verify: true})
		if !errors.Is(err, repo.ErrIncomplete) { // links to directories stay
			t.Errorf("policy %d: %v", policy, err)
		}
		treetest.Equal(t, before, treetest.Describe(t, outside))
		if entries, err := os.ReadDir(filepath.Dir(out)); err != nil || len(entries) != 1 {
			t.Errorf("policy %d: %d names beside the destination, %v", policy, len(entries), err)
		}
	}
}

func TestRestoreLeavesForeignFilesAlone(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(testMapFS(), "/x"), repo.SnapshotOptions{})
	out := t.TempDir()
	if err := os.MkdirAll(filepath.Join(out, "dir", "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mine", "dir/mine/too"} {
		if err := os.WriteFile(filepath.Join(out, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.restore(m, repo.RestoreOptions{To: out})
	for _, name := range []string{"mine", "dir/mine/too"} {
		if b, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(b) != "mine" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// To restore one file changes nothing of the directory it is put in, but that name.
func TestAFileIsRestoredIntoADirectoryThatStaysAsItIs(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(testMapFS(), "/x"), repo.SnapshotOptions{})
	out := t.TempDir()
	mine := filepath.Join(out, "mine")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(out, 0o751); err != nil {
		t.Fatal(err)
	}
	for _, p := range f.entries(m) {
		if p.Type != snapshot.File {
			continue
		}
		f.restore(m, repo.RestoreOptions{To: out, Path: p.path, Delete: true})
		if _, err := os.Lstat(filepath.Join(out, p.Name)); err != nil {
			t.Error(err)
		}
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o751 || time.Since(info.ModTime()) > time.Hour {
		t.Errorf("the directory has mode %v and time %v", info.Mode(), info.ModTime())
	}
	if b, err := os.ReadFile(mine); err != nil || string(b) != "mine" {
		t.Errorf("another file in it: %q, %v", b, err)
	}
}

// Half of a file never has its name, and nothing is left of it, when a restore is
// cancelled anywhere.
func TestACancelledRestoreLeavesCompleteFilesOnly(t *testing.T) {
	f := newFixture(t)
	files := fstest.MapFS{}
	for i := range 40 {
		files[string(rune('a'+i%5))+"/"+strings.Repeat("x", i+1)] = &fstest.MapFile{Data: randomBytes(uint64(i), 100_000+i*40_000), Mode: 0o644}
	}
	m := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	for stop := range 25 {
		ctx, cancel := context.WithCancel(t.Context())
		out := t.TempDir()
		seen := 0
		_, err := f.Restore(ctx, m, repo.RestoreOptions{To: out, NoSync: true, Actions: true, Progress: func(p repo.RestoreProgress) {
			if seen++; seen > stop*2 {
				cancel()
			}
		}})
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		err = filepath.WalkDir(out, func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, _ := filepath.Rel(out, p)
			b, err := os.ReadFile(p)
			if err == nil && (files[name] == nil || string(b) != string(files[name].Data)) {
				t.Errorf("stopped after %d: %s has %d bytes", stop, name, len(b))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSparseFilesOfAnySizeCostOnlyTheirData(t *testing.T) {
	src, out := t.TempDir(), t.TempDir()
	file, err := os.Create(filepath.Join(src, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	const size = 300 << 30
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for i, at := range []int64{0, 100 << 30, size - 5000} {
		if _, err := file.WriteAt(randomBytes(uint64(i), 5000), at); err != nil {
			t.Fatal(err)
		}
	}
	file.Close()
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	if m.Stats.BytesRead > 1<<20 || m.Stats.Bytes != size || m.Problems.Total != 0 {
		t.Errorf("read %d of %d bytes, problems %v", m.Stats.BytesRead, m.Stats.Bytes, m.Problems)
	}
	f.restore(m, repo.RestoreOptions{To: out})
	read := func(dir string, at int64) string {
		f, err := os.Open(filepath.Join(dir, "sparse"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b := make([]byte, 5000)
		if _, err := f.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, at := range []int64{0, 50 << 30, 100 << 30, size - 5000} {
		if read(src, at) != read(out, at) {
			t.Errorf("other bytes at %d", at)
		}
	}
	if file, err := f.View(m).FS(t.Context()).Open("sparse"); err != nil {
		t.Error(err)
	} else if info, err := file.Stat(); err != nil || info.Size() != size {
		t.Errorf("%v, %v", info, err)
	}
}

func TestManyHardLinksAreReadOnceAndRestoredAsLinks(t *testing.T) {
	src, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	for i := range 5 {
		name := func(d, n int) string { return filepath.Join(src, string(rune('a'+d)), string(rune('f'+n))) }
		if err := os.MkdirAll(filepath.Dir(name(i, 0)), 0o755); err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			if i == 0 {
				if err := os.WriteFile(name(0, n), randomBytes(uint64(n), 3<<20), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if err := os.Link(name(0, n), name(i, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	if m.Stats.BytesRead != 3*3<<20 || m.Stats.Files != 15 {
		t.Errorf("%+v", m.Stats)
	}
	report := f.restore(m, repo.RestoreOptions{To: out})
	if report.BytesWritten != 3*3<<20 {
		t.Errorf("%+v", report)
	}
	treetest.Same(t, src, out)
}
