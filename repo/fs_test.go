package repo_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func randomBytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func testMapFS() fstest.MapFS {
	when := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return fstest.MapFS{
		"a.txt":         {Data: []byte("alpha"), Mode: 0o644, ModTime: when},
		"empty":         {Mode: 0o600, ModTime: when},
		"dir/b.bin":     {Data: randomBytes(1, 700_000), Mode: 0o755, ModTime: when},
		"dir/sub/c":     {Data: randomBytes(2, 600_000), Mode: 0o644, ModTime: when},
		"dir/link":      {Data: []byte("sub/c"), Mode: fs.ModeSymlink | 0o777, ModTime: when},
		"dir/up":        {Data: []byte("../a.txt"), Mode: fs.ModeSymlink | 0o777, ModTime: when},
		"empty-dir":     {Mode: fs.ModeDir | 0o700, ModTime: when},
		"zeros":         {Data: make([]byte, 300_000), Mode: 0o644, ModTime: when},
		"dir/ä ö/ü.txt": {Data: []byte("umlaut"), Mode: 0o644, ModTime: when},
	}
}

func TestASnapshotIsAnFS(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(testMapFS(), "/map"), repo.SnapshotOptions{})
	fsys := f.View(m).FS(t.Context())
	if err := fstest.TestFS(fsys, "a.txt", "empty", "dir/b.bin", "dir/sub/c", "dir/link", "empty-dir", "zeros", "dir/ä ö/ü.txt"); err != nil {
		t.Error(err)
	}
	for name, file := range testMapFS() {
		if file.Mode.IsDir() || file.Mode&fs.ModeSymlink != 0 {
			continue
		}
		got, err := fs.ReadFile(fsys, name)
		if err != nil || !bytes.Equal(got, file.Data) {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(file.Data))
		}
		info, err := fs.Stat(fsys, name)
		if err != nil || info.Mode() != file.Mode || !info.ModTime().Equal(file.ModTime) {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		if _, ok := info.Sys().(*snapshot.Entry); !ok {
			t.Errorf("%s: Sys is a %T", name, info.Sys())
		}
	}
	if b, err := fs.ReadFile(fsys, "dir/up"); err != nil || string(b) != "alpha" {
		t.Errorf("through a symbolic link: %q, %v", b, err)
	}
	for _, name := range []string{"none", "a.txt/below", "dir/link/below"} {
		if _, err := fsys.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASnapshotOfASnapshotIsTheSame(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(testMapFS(), "/map"), repo.SnapshotOptions{})
	again := f.snapshot(repo.FromFS(f.View(m).FS(t.Context()), "/map"), repo.SnapshotOptions{})
	if again.Root.Subtree != m.Root.Subtree {
		t.Error("another tree")
	}
}

func TestSymbolicLinksOfASnapshotLeadNowhereElse(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(fstest.MapFS{
		"abs":  {Data: []byte("/etc/passwd"), Mode: fs.ModeSymlink},
		"up":   {Data: []byte("../../../etc/passwd"), Mode: fs.ModeSymlink},
		"loop": {Data: []byte("loop"), Mode: fs.ModeSymlink},
		"a/b":  {Data: []byte("../../a/../.."), Mode: fs.ModeSymlink},
	}, "/map"), repo.SnapshotOptions{})
	for _, name := range []string{"abs", "up", "loop", "a/b", "loop/x"} {
		if _, err := f.View(m).FS(t.Context()).Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesReadFromAnyOffset(t *testing.T) {
	f := newFixture(t)
	data := randomBytes(3, 5<<20)
	clear(data[1<<20 : 2<<20])
	m := f.snapshot(repo.FromFS(fstest.MapFS{"f": {Data: data}}, "/map"), repo.SnapshotOptions{})
	file, err := f.View(m).FS(t.Context()).Open("f")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		off := r.Int64N(int64(len(data)))
		p := make([]byte, r.IntN(1<<20))
		n, err := file.(io.ReaderAt).ReadAt(p, off)
		want := data[off:min(int(off)+len(p), len(data))]
		if !bytes.Equal(p[:n], want) || (err != nil) != (len(want) < len(p)) {
			t.Fatalf("%d bytes at %d: read %d, %v", len(p), off, n, err)
		}
		if _, err := file.(io.Seeker).Seek(off, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(io.LimitReader(file, 1000))
		if err != nil || !bytes.Equal(rest, data[off:min(int(off)+1000, len(data))]) {
			t.Fatalf("after a seek to %d: %d bytes, %v", off, len(rest), err)
		}
	}
}

func TestASnapshotCanBeServed(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(testMapFS(), "/map"), repo.SnapshotOptions{})
	server := httptest.NewServer(http.FileServerFS(f.View(m).FS(t.Context())))
	defer server.Close()
	req, err := http.NewRequest("GET", server.URL+"/dir/sub/c", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Range", "bytes=500000-500099")
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 206 || !bytes.Equal(body, testMapFS()["dir/sub/c"].Data[500000:500100]) {
		t.Errorf("%s: %d bytes, %v", resp.Status, len(body), err)
	}
}

func TestAStreamIsOneFile(t *testing.T) {
	f := newFixture(t)
	for _, size := range []int{0, 10, 128 << 10, 20 << 20} {
		data := randomBytes(uint64(size), size)
		m := f.snapshot(repo.Stream("dump.sql", bytes.NewReader(data)), repo.SnapshotOptions{AllowEmptySource: size == 0})
		got, err := fs.ReadFile(f.View(m).FS(t.Context()), "dump.sql")
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
		if m.Stats.Bytes != uint64(size) || m.Stats.Files != 1 || m.Problems.Total != 0 {
			t.Errorf("%d bytes: %+v, problems %v", size, m.Stats, m.Problems)
		}
	}
	broken := io.MultiReader(strings.NewReader("half a dump"), errReader{})
	if m, err := f.Snapshot(t.Context(), repo.Stream("dump.sql", broken), repo.SnapshotOptions{}); !errors.Is(err, errBroken) {
		t.Errorf("a stream that breaks: %v, %v", m, err)
	}
	all, err := f.Snapshots(t.Context(), repo.Filter{})
	if err != nil || len(all) != 4 {
		t.Errorf("%d snapshots, %v; want 4", len(all), err)
	}
	if _, err := f.Snapshot(t.Context(), repo.Stream("empty", strings.NewReader("")), repo.SnapshotOptions{}); !errors.Is(err, repo.ErrEmptySource) {
		t.Errorf("an empty stream: %v", err)
	}
	if _, err := f.Repo.Snapshot(t.Context(), repo.Stream("empty", strings.NewReader("")), repo.SnapshotOptions{DryRun: new(repo.Cost)}); !errors.Is(err, repo.ErrEmptySource) {
		t.Errorf("a dry run of an empty stream: %v", err)
	}
	if m, err := f.Snapshot(t.Context(), repo.Stream("empty", strings.NewReader("")), repo.SnapshotOptions{AllowEmptySource: true}); err != nil || m.Stats.Files != 1 {
		t.Errorf("an empty stream that is allowed: %v, %v", m, err)
	}
	if _, err := f.Snapshot(t.Context(), repo.Stream("tagged", strings.NewReader("x")), repo.SnapshotOptions{Tags: []string{"a", ""}}); err == nil {
		t.Error("an empty tag was taken")
	}
	if _, err := f.Snapshot(t.Context(), repo.Stream("a/b", nil), repo.SnapshotOptions{}); err == nil {
		t.Error("a name with a slash was accepted")
	}
}

var errBroken = errors.New("broken on purpose")

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errBroken }
