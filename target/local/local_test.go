package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func newTarget(t testing.TB) *Target {
	t.Helper()
	target, err := Create(filepath.Join(t.TempDir(), "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestADirectoryKeepsTheContract(t *testing.T) {
	if err := targettest.Check(t.Context(), newTarget(t)); err != nil {
		t.Error(err)
	}
}

// Where the system has no unnamed files, named ones are used: on Linux that is
// reached by renaming one by hand.
func TestNamedTemporaryFilesAreNeverReplacedNorLeft(t *testing.T) {
	tgt := newTarget(t)
	tmp := filepath.Join(tgt.dir, tmpDir)
	if err := makeDirs(tmp, tgt.dir); err != nil {
		t.Fatal(err)
	}
	leftover := filepath.Join(tmp, "put-crashed")
	if err := os.WriteFile(leftover, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	busy, err := os.Create(filepath.Join(tmp, "put-busy"))
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	lock(busy)
	removeLeftovers(tmp)
	if _, err := os.Stat(leftover); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a crashed put's file: %v", err)
	}
	if _, err := os.Stat(busy.Name()); err != nil {
		t.Errorf("a running put's file: %v", err)
	}

	named := func() *temporary {
		f, err := os.CreateTemp(tmp, "put-*")
		if err != nil {
			t.Fatal(err)
		}
		return &temporary{f, f.Name()}
	}
	path := filepath.Join(tgt.dir, "object")
	var wg sync.WaitGroup
	wins := make([]bool, 8)
	for i := range wins {
		f := named()
		fmt.Fprint(f, i)
		wg.Go(func() {
			err := f.publish(path)
			wins[i] = err == nil
			if err != nil && !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
			f.discard()
		})
	}
	wg.Wait()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, won := range wins {
		if won != (string(content) == fmt.Sprint(i)) {
			t.Errorf("put %d won: %v, but the object is %s", i, won, content)
		}
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) != 1 {
		t.Errorf("%d files left in tmp, %v; want that of the running put", len(left), err)
	}
}

func TestLongAndShortWritesMakeAnObjectInAnyOrder(t *testing.T) {
	l, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 2*longWrite+1000)
	for i := range data {
		data[i] = byte(i * i >> 8)
	}
	s, err := l.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][2]int{{longWrite + 100, 2*longWrite + 500}, {2*longWrite + 500, len(data)}, {0, longWrite + 100}} {
		if n, err := s.WriteAt(data[part[0]:part[1]], int64(part[0])); err != nil || n != part[1]-part[0] {
			t.Fatalf("%d bytes are written of %v: %v", n, part, err)
		}
	}
	if err := s.Commit(t.Context(), "object", int64(len(data))); err != nil {
		t.Fatal(err)
	}
	r, err := l.Get(t.Context(), "object", 0, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes are there, or others: %v", len(got), err)
	}
}

func TestForeignFilesAreNoObjects(t *testing.T) {
	tgt := newTarget(t)
	for _, name := range []string{"README.TXT", ".DS_Store", "tmp/put-1", "packs/Thumbs.db"} {
		path := filepath.Join(tgt.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for info, err := range tgt.List(t.Context(), "") {
		t.Errorf("listed %+v, %v", info, err)
	}
	if err := tgt.Put(t.Context(), "tmp/a", bytes.NewReader(nil), 0); err == nil {
		t.Error("an object below tmp was put")
	}
}

func TestAVanishedDirectoryIsAnErrorNotEmpty(t *testing.T) {
	tgt := newTarget(t)
	if err := os.Remove(tgt.dir); err != nil {
		t.Fatal(err)
	}
	var listed error
	for _, err := range tgt.List(t.Context(), "snapshots/") {
		listed = err
	}
	if !errors.Is(listed, fs.ErrNotExist) {
		t.Errorf("list: %v", listed)
	}
	for _, name := range []string{"a", "packs/aa/b"} {
		if err := tgt.Put(t.Context(), name, strings.NewReader("x"), 1); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("put of %s: %v", name, err)
		}
	}
	if _, err := os.Stat(tgt.dir); err == nil {
		t.Error("put made the directory again: an unmounted disk would fill its mount point")
	}
}

func TestOpenNamesWhatIsNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file: %v", err)
	}
	if _, err := Open(file + "-not"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := Create(filepath.Join(file, "sub")); err == nil {
		t.Error("a directory below a file was made")
	}
}

func TestSpaceIsReported(t *testing.T) {
	spacer, ok := target.As[target.SpaceReporter](newTarget(t))
	if !ok {
		t.Fatal("not a SpaceReporter")
	}
	if free, total, err := spacer.Space(context.Background()); err != nil || free <= 0 || total < free {
		t.Errorf("free %d of %d, %v", free, total, err)
	}
}
