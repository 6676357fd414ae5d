package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/target"
)

func TestObjectsFillManyDirectoriesAtOnce(t *testing.T) {
	tgt := newServer(t).start().open()
	var want []string
	var wg sync.WaitGroup
	for i := range 60 {
		name := fmt.Sprintf("packs/%02d/%d/object", i%7, i)
		want = append(want, name)
		wg.Go(func() {
			if err := put(tgt, name, name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	slices.Sort(want)
	var got []string
	for info, err := range tgt.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, info.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %q", got)
	}
}

func TestADirectoryThatWasRemovedIsMadeAgain(t *testing.T) {
	s := newServer(t).start()
	tgt := s.open()
	for range 2 {
		if err := put(tgt, "packs/aa/b", "x"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.RemoveAll(filepath.Join(s.dir, "packs")), os.RemoveAll(filepath.Join(s.dir, tmpDir))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAVanishedDirectoryIsAnErrorNotEmpty(t *testing.T) {
	s := newServer(t).start()
	tgt := s.open()
	if err := put(tgt, "packs/aa/b", "x"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	var listed error
	for _, err := range tgt.List(t.Context(), "snapshots/") {
		listed = err
	}
	if !errors.Is(listed, fs.ErrNotExist) {
		t.Errorf("list: %v", listed)
	}
	for _, name := range []string{"a", "packs/aa/c"} {
		if err := put(tgt, name, "x"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("put of %s: %v", name, err)
		}
	}
	if _, err := os.Stat(s.dir); err == nil {
		t.Error("put made the directory again: an unmounted disk would fill its mount point")
	}
}

func TestBytesThatAreNotThereAreNotWaitedFor(t *testing.T) {
	tgt := newServer(t).start().open()
	if err := put(tgt, "a", "content"); err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]int64{{0, 8}, {6, 2}, {7, 1}, {8, 0}, {8, -1}, {100, 1}, {-1, 2}} {
		_, err := tgt.Get(t.Context(), "a", r[0], r[1])
		if !errors.Is(err, io.ErrUnexpectedEOF) || isTemporary(err) {
			t.Errorf("%d bytes at %d: %v", r[1], r[0], err)
		}
	}
}

func TestNamesBelowAndAboveObjectsAreAbsent(t *testing.T) {
	tgt := newServer(t).start().open()
	if err := put(tgt, "a/b", "x"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "a/b/c", "a/b/c/d"} {
		if _, err := get(tgt, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("get of %s: %v", name, err)
		}
		if r, err := tgt.Get(t.Context(), name, 0, 1); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("get of the beginning of %s: %v, %v", name, r, err)
		}
		if _, err := tgt.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat of %s: %v", name, err)
		}
		if err := tgt.Delete(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete of %s: %v", name, err)
		}
	}
	if err := put(tgt, "a/b/c", "x"); err == nil || isTemporary(err) {
		t.Errorf("a put below an object: %v", err)
	}
	if err := tgt.Delete(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	if err := tgt.Delete(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("delete of an empty directory: %v", err)
	}
}

func TestForeignFilesAreNoObjects(t *testing.T) {
	s := newServer(t).start()
	tgt := s.open()
	for _, name := range []string{"README.TXT", ".DS_Store", "tmp/put-1", "tmp/sftp/put-2", "packs/Thumbs.db"} {
		writeFile(t, filepath.Join(s.dir, name), "x")
	}
	if err := os.Symlink("README.TXT", filepath.Join(s.dir, "link")); err != nil {
		t.Fatal(err)
	}
	for info, err := range tgt.List(t.Context(), "") {
		t.Errorf("listed %+v, %v", info, err)
	}
	if _, err := tgt.Stat(t.Context(), "link"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of a link: %v", err)
	}
	for _, name := range []string{"tmp", "tmp/a", "tmp/sftp/b"} {
		if err := put(tgt, name, "x"); err == nil {
			t.Errorf("%s was put", name)
		}
	}
}

func TestTemporaryFilesThatAreADayOldGo(t *testing.T) {
	s := newServer(t).start()
	old, young := filepath.Join(s.dir, tempDir, "put-old"), filepath.Join(s.dir, tempDir, "put-young")
	writeFile(t, old, "half")
	writeFile(t, young, "half")
	// The server's clock counts, whatever it says.
	if err := errors.Join(os.Chtimes(old, time.Time{}, time.Now().Add(-25*time.Hour)), os.Chtimes(young, time.Time{}, time.Now().Add(-23*time.Hour))); err != nil {
		t.Fatal(err)
	}
	if err := put(s.open(), "a", "x"); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(s.dir, tempDir))
	if err != nil || len(left) != 1 || left[0].Name() != "put-young" {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestLargeObjectsAreReadInPieces(t *testing.T) {
	tgt := newServer(t).start().open(func(o *Options) { o.Connections = 1 })
	body := make([]byte, 2*piece+12345)
	for i := range body {
		body[i] = byte(i * 7 >> 3)
	}
	if err := tgt.Put(t.Context(), "large", bytes.NewReader(body), int64(len(body))); err != nil {
		t.Fatal(err)
	}
	// More readers than connections, read in turns, with calls in between.
	var readers []io.ReadCloser
	for range 3 {
		r, err := tgt.Get(t.Context(), "large", 5, int64(len(body))-10)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		readers = append(readers, r)
	}
	got := make([][]byte, len(readers))
	for step := 0; ; step++ {
		buf := make([]byte, []int{1, 100_000, 3 << 20, 9 << 20}[step%4])
		ended := 0
		for i, r := range readers {
			n, err := r.Read(buf)
			got[i] = append(got[i], buf[:n]...)
			if err == io.EOF {
				ended++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if ended == len(readers) {
			break
		}
		if _, err := tgt.Stat(t.Context(), "large"); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range got {
		if !bytes.Equal(b, body[5:len(body)-5]) {
			t.Errorf("read %d other bytes", len(b))
		}
	}
}

func TestSpaceIsReported(t *testing.T) {
	spacer, ok := target.As[target.SpaceReporter](newServer(t).start().open())
	if !ok {
		t.Fatal("not a SpaceReporter")
	}
	if free, total, err := spacer.Space(t.Context()); err != nil || free <= 0 || total < free {
		t.Errorf("free %d of %d, %v", free, total, err)
	}
}

func TestSpaceMayBeUnknown(t *testing.T) {
	withExtensions(t)
	s := newServer(t)
	if _, _, err := s.start().open().Space(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

func TestOpenFindsOrMakesTheDirectory(t *testing.T) {
	s := newServer(t).start()
	at := "sftp://me@" + s.address
	writeFile(t, filepath.Join(s.dir, "file"), "x")
	if _, err := Open(t.Context(), Options{URL: at + s.dir + "/none/sub"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
	_, err := Open(t.Context(), Options{URL: at + s.dir + "/file"})
	saysInOneLine(t, err, "not a directory")
	_, err = Open(t.Context(), Options{URL: at + s.dir + "/file/sub", Create: true})
	saysInOneLine(t, err, "open sftp://")
	for url, dir := range map[string]string{
		at + s.dir + "/new/a b": "new/a b",
		at + "/~/below/home":    "below/home",
		at + "/./here":          "here",
		at + "/" + s.dir + "/d": "d",
	} {
		tgt, err := Open(t.Context(), Options{URL: strings.ReplaceAll(url, " ", "%20"), Create: true})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if err := put(tgt, "a", "x"); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(s.dir, dir, "a")); err != nil {
			t.Error(err)
		}
		tgt.Close()
	}
}

func TestAClosedTargetSaysSo(t *testing.T) {
	tgt := newServer(t).start().open()
	if err := tgt.Close(); err != nil {
		t.Fatal(err)
	}
	err := put(tgt, "a", "x")
	saysInOneLine(t, err, "closed")
	if isTemporary(err) {
		t.Error("the error is temporary")
	}
}
