package repo_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// A restlessFS is a file system some of whose files don't keep still.
type restlessFS struct {
	fstest.MapFS
	mu    sync.Mutex
	stats map[string]int // so often the file will have another time when it is looked at
	opens map[string]error
}

func (f *restlessFS) Open(name string) (fs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.opens[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	file, err := f.MapFS.Open(name)
	if err != nil {
		return nil, err
	}
	return &restlessFile{file, f, name}, nil
}

func (f *restlessFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.opens[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return f.MapFS.ReadDir(name)
}

type restlessFile struct {
	fs.File
	f    *restlessFS
	name string
}

func (r *restlessFile) ReadDir(n int) ([]fs.DirEntry, error) {
	return r.File.(fs.ReadDirFile).ReadDir(n)
}

func (r *restlessFile) Stat() (fs.FileInfo, error) {
	info, err := r.File.Stat()
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	if n := r.f.stats[r.name]; err == nil && n > 0 {
		r.f.stats[r.name] = n - 1
		return newerInfo{info, n}, nil
	}
	return info, err
}

type newerInfo struct {
	fs.FileInfo
	n int
}

func (i newerInfo) ModTime() time.Time {
	return i.FileInfo.ModTime().Add(time.Duration(i.n) * time.Second)
}

func TestAFileThatChangesWhileItIsReadIsReadAgainAndReported(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"calm", "once", "always", "always-several", "always-large", "once-large"} {
		size := 1000
		if strings.HasSuffix(name, "several") {
			size = 500_000
		}
		if strings.HasSuffix(name, "large") {
			size = 9 << 20
		}
		files[name] = &fstest.MapFile{Data: randomBytes(uint64(len(name)), size), Mode: 0o644, ModTime: time.Unix(1e9, 0)}
	}
	src := &restlessFS{MapFS: files, stats: map[string]int{"once": 1, "once-large": 1, "always": 9, "always-several": 9, "always-large": 9}}
	f := newFixture(t)
	var reported []string
	m := f.snapshot(repo.FromFS(src, "/x"), repo.SnapshotOptions{Progress: func(p repo.SnapshotProgress) {
		if p.Problem != nil {
			reported = append(reported, p.Path)
			if want := "/x/" + p.Path + ": changed while it was read"; p.Problem.Error() != want {
				t.Errorf("reported as %q, not %q", p.Problem, want)
			}
		}
	}})
	var noted []string
	for _, p := range m.Problems.List {
		if p.Text != "changed while it was read" {
			t.Errorf("%s: %s", p.Path, p.Text)
		}
		noted = append(noted, p.Path)
	}
	if fmt.Sprint(noted) != "[always always-large always-several]" || len(reported) != 3 {
		t.Errorf("noted %v, reported %v", noted, reported)
	}
	sameTree(t, f.Repo, m, files) // they are kept as they were read

	// And read again next time.
	src.stats = nil
	again := f.snapshot(repo.FromFS(src, "/x"), repo.SnapshotOptions{})
	if again.Problems.Total != 0 || again.Stats.SameFiles < 3 || again.Stats.ChangedFiles != 3 {
		t.Errorf("the next snapshot: %+v, problems %v", again.Stats, again.Problems)
	}
}

func TestVanishedAndUnreadableFilesDoNotStopASnapshot(t *testing.T) {
	files := fstest.MapFS{
		"a/kept":       {Data: []byte("x"), Mode: 0o644},
		"a/vanished":   {Data: []byte("x"), Mode: 0o644},
		"a/denied":     {Data: []byte("x"), Mode: 0o644},
		"b/kept":       {Data: []byte("x"), Mode: 0o644},
		"denied-dir/x": {Data: []byte("x"), Mode: 0o644},
	}
	src := &restlessFS{MapFS: files, opens: map[string]error{
		"a/vanished": fs.ErrNotExist, "a/denied": fs.ErrPermission, "denied-dir": fs.ErrPermission,
	}}
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(src, "/x"), repo.SnapshotOptions{})
	if fmt.Sprint(m.Problems.List) != "[{a/denied open: permission denied} {a/vanished open: file does not exist} {denied-dir open: permission denied}]" {
		t.Errorf("problems %v", m.Problems.List)
	}
	fsys := f.View(m).FS(t.Context())
	for _, name := range []string{"a/kept", "b/kept"} {
		if _, err := fs.ReadFile(fsys, name); err != nil {
			t.Error(err)
		}
	}
	if _, err := fs.Stat(fsys, "a/vanished"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what vanished: %v", err)
	}
	if _, err := fs.ReadFile(fsys, "a/denied"); err == nil || !strings.Contains(err.Error(), "not in the snapshot: when that was made: open: permission denied") {
		t.Errorf("what was denied: %v", err)
	}
	if _, err := fs.ReadDir(fsys, "denied-dir"); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a directory that was denied: %v", err)
	}
	// Once it can be read, it is.
	src.opens = nil
	again := f.snapshot(repo.FromFS(src, "/x"), repo.SnapshotOptions{})
	sameTree(t, f.Repo, again, files)
}

// A directory of many entries is handled in blocks, and a change in it costs
// little.
func TestLargeDirectoriesAreCapturedInBlocks(t *testing.T) {
	files := fstest.MapFS{}
	for i := range 30_000 {
		files[fmt.Sprintf("dir/%07d", i*7919%1_000_003)] = &fstest.MapFile{Data: []byte(fmt.Sprint(i)), Mode: 0o644, ModTime: time.Unix(1e9+int64(i), 0)}
	}
	f := newFixture(t)
	first := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	sameTree(t, f.Repo, first, files)
	files["dir/0500000x"] = &fstest.MapFile{Data: []byte("new"), Mode: 0o644}
	delete(files, "dir/0000000")
	second := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	if s := second.Stats; s.TreeBlobs > 12 || s.DataBlobs != 1 || s.SameFiles != 29_999 || s.NewFiles != 1 {
		t.Errorf("%+v", s)
	}
	sameTree(t, f.Repo, second, files)
	// From scratch it is the same tree.
	third := f.snapshot(repo.FromFS(files, "/y"), repo.SnapshotOptions{})
	if third.Root.Subtree != second.Root.Subtree {
		t.Error("the tree depends on how it came to be")
	}
}

func TestSnapshotsOfOneSourceAreAChain(t *testing.T) {
	f := newFixture(t)
	src := repo.FromFS(fstest.MapFS{"a": {Data: []byte("x")}}, "/x")
	var last *snapshot.Manifest
	for i := range 3 {
		m := f.snapshot(src, repo.SnapshotOptions{})
		if m.Number != uint64(i+1) || last != nil && (m.Previous != last.ID || m.Parent != last.ID) {
			t.Errorf("snapshot %d: number %d, previous %s", i, m.Number, m.Previous.Short())
		}
		last = m
	}
	other := f.snapshot(src, repo.SnapshotOptions{Hostname: "other"})
	if other.Number != 1 || !other.Previous.IsZero() {
		t.Errorf("another host's: number %d", other.Number)
	}
	if all, err := f.Snapshots(t.Context(), repo.Filter{Hostname: "other"}); err != nil || len(all) != 1 {
		t.Errorf("%d snapshots of the other host, %v", len(all), err)
	}
}

func TestWhatARestoreLeftUnfinishedIsNotCaptured(t *testing.T) {
	files := fstest.MapFS{
		"a": {Data: []byte("x")}, ".qsnap-part-0123": {Data: []byte("x")}, "sub/.qsnap-aside-1-a": {Data: []byte("x")},
		".qsnap-aside-1-dir/in": {Data: []byte("x")},
	}
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	if m.Stats.Files != 1 || m.Skipped.Total != 3 {
		t.Errorf("%d files, left out: %v", m.Stats.Files, m.Skipped.List)
	}
}
