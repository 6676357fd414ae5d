package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"maps"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/archive"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// Names with the same device and inode numbers are hard links in an archive only if they
// can be names of one file.
func TestAnArchiveJoinsOnlyWhatCanBeOneFile(t *testing.T) {
	text, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := repo.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Init(t.Context(), &targettest.Memory{}, key, repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	then := time.Unix(1e9, 0)
	file := func(text string, mode uint32) *fstest.MapFile {
		e := &snapshot.Entry{Mode: mode, Device: 7, Inode: 5, Links: 2, MTime: snapshot.TimeOf(then)}
		return &fstest.MapFile{Data: []byte(text), ModTime: then, Sys: e}
	}
	m, err := r.Snapshot(t.Context(), repo.FromFS(fstest.MapFS{
		"a": file("one", 0o644), "b": file("one", 0o644), "c": file("two", 0o644), "d": file("two", 0o644), "e": file("two", 0o600),
	}, "/x"), repo.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v := r.View(m)
	root, err := v.Entry(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := archive.Tar(t.Context(), v, root, "", &out, func(path, why string) { t.Errorf("%s: %s", path, why) }); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for in := tar.NewReader(&out); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeDir {
			got[h.Name] = h.Linkname + string(text)
		}
	}
	if want := map[string]string{"a": "one", "b": "a", "c": "two", "d": "c", "e": "two"}; !maps.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
