package repo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestADirectoryIsListedAndLookedUpByBytes(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(testMapFS(), "/map"), repo.SnapshotOptions{})
	var names []string
	for e, err := range f.View(m).ReadDir(t.Context(), &m.Root) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
		found, err := f.View(m).Lookup(t.Context(), &m.Root, e.Name)
		if err != nil || found.Name != e.Name || found.Type != e.Type || found.Size != e.Size {
			t.Errorf("%q: %+v, %v", e.Name, found, err)
		}
	}
	if want := []string{"a.txt", "dir", "empty", "empty-dir", "zeros"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if _, err := f.View(m).Lookup(t.Context(), &m.Root, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name that isn't there: %v", err)
	}
	file, err := f.View(m).Lookup(t.Context(), &m.Root, "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	lost := &snapshot.Entry{Type: snapshot.Dir, Problem: "permission denied"}
	for what, dir := range map[string]*snapshot.Entry{"file, not a directory": file, "permission denied": lost} {
		if _, err := f.View(m).Lookup(t.Context(), dir, "x"); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("lookup: %v, want %q", err, what)
		}
		for _, err := range f.View(m).ReadDir(t.Context(), dir) {
			if err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("list: %v, want %q", err, what)
			}
		}
	}
}

func TestReadAtReadsWhatIsThereAndNoMore(t *testing.T) {
	f := newFixture(t)
	data := randomBytes(3, 3<<20)
	m := f.snapshot(repo.FromFS(fstest.MapFS{"f": {Data: data}}, "/map"), repo.SnapshotOptions{})
	e, err := f.View(m).Lookup(t.Context(), &m.Root, "f")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []struct {
		off  int64
		size int
		err  error
	}{
		{0, 100, nil}, {1 << 20, 1 << 20, nil}, {3<<20 - 5, 5, nil},
		{3<<20 - 5, 6, io.EOF}, {3 << 20, 1, io.EOF}, {1 << 40, 1, io.EOF}, {3 << 20, 0, nil}, {-1, 1, fs.ErrInvalid},
	} {
		p := make([]byte, at.size)
		n, err := f.View(m).ReadAt(t.Context(), e, p, at.off)
		want := data[min(max(at.off, 0), 3<<20):min(max(at.off, 0)+int64(at.size), 3<<20)]
		if at.off < 0 {
			want = nil
		}
		if err != at.err || !bytes.Equal(p[:n], want) {
			t.Errorf("%d bytes at %d: %d, %v", at.size, at.off, n, err)
		}
	}
	unread := &snapshot.Entry{Type: snapshot.File, Size: 10, Problem: "permission denied"}
	if _, err := f.View(m).ReadAt(t.Context(), unread, make([]byte, 1), 0); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a file that wasn't captured: %v", err)
	}
}

// A stalled target hangs the first read of a pack until it is called off.
type stalled struct {
	*targettest.Memory
	armed atomic.Bool
}

func (s *stalled) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if strings.HasPrefix(name, "packs/") && s.armed.CompareAndSwap(true, false) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Memory.Get(ctx, name, off, n)
}

func TestAReaderThatGivesUpFailsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &stalled{Memory: &targettest.Memory{}}
		f := newFixtureOn(t, target)
		m := f.snapshot(repo.FromFS(fstest.MapFS{"f": {Data: []byte("content")}}, "/map"), repo.SnapshotOptions{})
		e, err := f.View(m).Lookup(t.Context(), &m.Root, "f")
		if err != nil {
			t.Fatal(err)
		}
		target.armed.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		errs := [2]chan error{make(chan error, 1), make(chan error, 1)}
		read := func(ctx context.Context, done chan error) {
			_, err := f.View(m).ReadAt(ctx, e, make([]byte, 7), 0)
			done <- err
		}
		go read(ctx, errs[0])
		synctest.Wait() // it hangs
		go read(t.Context(), errs[1])
		synctest.Wait() // this waits for it
		cancel()
		if err := <-errs[0]; !errors.Is(err, context.Canceled) {
			t.Errorf("the one that gave up: %v", err)
		}
		if err := <-errs[1]; err != nil {
			t.Errorf("the other: %v", err)
		}
	})
}
