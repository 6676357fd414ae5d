package view_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// taken returns a snapshot of files, and what reads it.
func taken(t *testing.T, files fstest.MapFS) (*blob.Reader, *snapshot.Manifest) {
	t.Helper()
	e := enginetest.Create(t, &targettest.Memory{}, &fixture.Clock{})
	return e.Blobs, enginetest.Take(t, e, files)
}

func file(text string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(text), Mode: 0o644, ModTime: time.Unix(1e9, 0)}
}

func link(to string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
}

func TestAnEntryIsFoundByItsPath(t *testing.T) {
	blobs, m := taken(t, fstest.MapFS{"a/b/c": file("deep"), "top": file("top"), "link": link("a/b")})
	for path, want := range map[string]string{"": "", "/": "", ".": "", "top": "top", "/top": "top", "a//b/./c/": "c", "a": "a", "link": "link"} {
		e, err := view.Entry(t.Context(), blobs, m, path)
		if err != nil || want != "" && e.Name != want || want == "" && e != &m.Root {
			t.Errorf("%q: %+v, %v", path, e, err)
		}
	}
	for _, path := range []string{"none", "a/none", "top/x", "a/b/c/d", "link/c", "A", ".."} {
		_, err := view.Entry(t.Context(), blobs, m, path)
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), m.ID.Short()) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// A directory or file that was not captured must not look like an empty one.
func TestWhatWasNotCapturedIsAnErrorThatSaysWhy(t *testing.T) {
	blobs, m := taken(t, fstest.MapFS{"f": file("x")})
	dir := &snapshot.Entry{Name: "d", Type: snapshot.Dir, Problem: "permission denied"}
	lost := &snapshot.Entry{Name: "f", Type: snapshot.File, Size: 10, Problem: "permission denied"}
	results := map[string]error{}
	for _, err := range view.ReadDir(t.Context(), blobs, dir) {
		results["ReadDir"] = err
	}
	_, results["Lookup"] = view.Lookup(t.Context(), blobs, dir, "x")
	results["WriteTo"] = view.WriteTo(t.Context(), blobs, io.Discard, lost)
	_, results["ReadAt"] = view.ReadAt(t.Context(), blobs, lost, make([]byte, 1), 0)
	_, results["ReadDir of an FS"] = fs.ReadDir(view.FS(t.Context(), blobs, dir), ".")
	_, results["Open in it"] = view.FS(t.Context(), blobs, dir).Open("x")
	if len(results) != 6 {
		t.Errorf("%d results", len(results))
	}
	for what, err := range results {
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", what, err)
		}
	}
	// What is of another type says so.
	f, err := view.Lookup(t.Context(), blobs, &m.Root, "f")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := view.Lookup(t.Context(), blobs, f, "x"); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("Lookup in a file: %v", err)
	}
	if err := view.WriteTo(t.Context(), blobs, io.Discard, &m.Root); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("WriteTo of a directory: %v", err)
	}
}

// sparse returns a file that consists of the data of another, with holes, and its content.
func sparse(r *rand.Rand, e *snapshot.Entry, data []byte) (*snapshot.Entry, []byte) {
	out := *e
	out.Holes = nil
	var content []byte
	for rest := data; ; {
		n := min(len(rest), r.IntN(1+len(data)))
		content, rest = append(content, rest[:n]...), rest[n:]
		if r.IntN(4) > 0 && (n > 0 || len(content) == 0) {
			h := snapshot.Hole{Offset: int64(len(content)), Length: 1 + r.Int64N(100_000)}
			out.Holes = append(out.Holes, h)
			content = append(content, make([]byte, h.Length)...)
		}
		if len(rest) == 0 {
			out.Size = int64(len(content))
			return &out, content
		}
	}
}

func TestContentIsDataAndZerosForHolesFromAnyOffset(t *testing.T) {
	data := make([]byte, 3<<20)
	_, _ = fixture.Random(1).Read(data)
	blobs, m := taken(t, fstest.MapFS{"f": {Data: data, Mode: 0o644}})
	whole, err := view.Entry(t.Context(), blobs, m, "f")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		e, want := sparse(r, whole, data)
		var out bytes.Buffer
		if err := view.WriteTo(t.Context(), blobs, &out, e); err != nil || !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("seed %d: %d bytes are written, want %d: %v", seed, out.Len(), len(want), err)
		}
		offsets := []int64{0, e.Size - 1, r.Int64N(e.Size)}
		for _, h := range e.Holes {
			offsets = append(offsets, h.Offset-1, h.Offset, h.Offset+h.Length-1, h.Offset+h.Length)
		}
		for _, off := range offsets {
			if off < 0 || off >= e.Size {
				continue
			}
			p := make([]byte, 1+r.IntN(200_000))
			n, err := view.ReadAt(t.Context(), blobs, e, p, off)
			end := min(off+int64(len(p)), e.Size)
			if !bytes.Equal(p[:n], want[off:end]) || (err == io.EOF) != (n < len(p)) || err != nil && err != io.EOF {
				t.Fatalf("seed %d: %d of %d bytes at %d of %d: %v", seed, n, len(p), off, e.Size, err)
			}
		}
	}
}

func TestASnapshotIsAFileSystem(t *testing.T) {
	blobs, m := taken(t, fstest.MapFS{"a/b/c": file("deep"), "top": file("top"), "empty": file(""), "a/up": link("../top")})
	fsys := view.FS(t.Context(), blobs, &m.Root)
	if err := fstest.TestFS(fsys, "a/b/c", "top", "empty"); err != nil {
		t.Error(err)
	}
	if b, err := fs.ReadFile(fsys, "a/up"); err != nil || string(b) != "top" {
		t.Errorf("through a link: %q, %v", b, err)
	}
}

func TestALinkThatLeadsOutLeadsNowhere(t *testing.T) {
	blobs, m := taken(t, fstest.MapFS{
		"out": link("../f"), "absolute": link("/f"), "loop": link("loop2"), "loop2": link("loop"), "d/back": link("../f"), "f": file("f"),
	})
	fsys := view.FS(t.Context(), blobs, &m.Root)
	for _, name := range []string{"out", "absolute", "loop"} {
		if _, err := fs.Stat(fsys, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if to, err := fs.ReadLink(fsys, name); err != nil || to == "" {
			t.Errorf("%s as a link: %q, %v", name, to, err)
		}
	}
	if b, err := fs.ReadFile(fsys, "d/back"); err != nil || string(b) != "f" {
		t.Errorf("%q, %v", b, err)
	}
}
