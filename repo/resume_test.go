package repo_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// A slowFS counts which files are opened, and takes long to open some.
type slowFS struct {
	fstest.MapFS
	slow  string
	takes time.Duration

	mu     *sync.Mutex
	opened map[string]int
}

func (s slowFS) Open(name string) (fs.File, error) {
	f, err := s.MapFS.Open(name)
	if info, e := s.MapFS.Stat(name); e == nil && !info.IsDir() {
		s.mu.Lock()
		s.opened[name]++
		s.mu.Unlock()
		if name == s.slow {
			time.Sleep(s.takes)
		}
	}
	return f, err
}

// A run dies after some minutes of a first snapshot. The next one begins where its
// last checkpoint was: directories that were done are not read again, and no pack
// that had arrived is stored again.
func TestAnInterruptedSnapshotIsContinued(t *testing.T) {
	files := fstest.MapFS{}
	for d := range 5 {
		for i := range 20 {
			name := fmt.Sprintf("d%d/f%02d", d, i)
			files[name] = &fstest.MapFile{Data: randomBytes(uint64(100*d+i), 60_000), Mode: 0o644, ModTime: time.Unix(6e8, 0)}
		}
	}
	source := func(slow string, takes time.Duration) slowFS {
		return slowFS{files, slow, takes, new(sync.Mutex), map[string]int{}}
	}
	synctest.Test(t, func(t *testing.T) {
		var crashed atomic.Bool
		mem := &targettest.Memory{}
		stored := map[string]int{}
		f := &targettest.Faulty{Memory: mem, Decide: func(op targettest.Op) targettest.Fault {
			if crashed.Load() {
				return targettest.Crash
			}
			if op.Method == "put" && strings.HasPrefix(op.Name, "packs/") {
				stored[op.Name]++
			}
			return targettest.None
		}}
		key := testKey(t)
		r, err := repo.Init(t.Context(), f, key, crashInit(t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { // it dies while it reads the last directory
			time.Sleep(5 * time.Minute)
			crashed.Store(true)
			cancel()
		}()
		first := source("d4/f10", time.Hour)
		if m, err := r.Snapshot(ctx, repo.FromFS(first, "/x"), repo.SnapshotOptions{Workers: 1}); err == nil {
			t.Fatalf("%v was not interrupted", m.ID)
		}
		r.Close()
		if len(stored) < 3 {
			t.Fatalf("only %d packs had been stored", len(stored))
		}

		// Hours later, from another machine, as it were: with another cache.
		time.Sleep(3 * time.Hour)
		for name := range stored {
			stored[name] = 0
		}
		again := &targettest.Faulty{Memory: mem, Decide: f.Decide}
		crashed.Store(false)
		if r, err = repo.Open(t.Context(), again, key, repo.Options{CacheDir: t.TempDir()}); err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		before := storedBytes(mem)
		second := source("", 0)
		m, err := r.Snapshot(t.Context(), repo.FromFS(second, "/x"), repo.SnapshotOptions{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		sameTree(t, r, m, files)
		reread := 0
		for name := range second.opened {
			if !strings.HasPrefix(name, "d4/") {
				reread++
			}
		}
		// Files whose pack was still being built when the run died are read again: at most
		// one pack.
		if reread > 20 {
			t.Errorf("%d files of directories that were done are read again", reread)
		}
		if grown := storedBytes(mem) - before; grown > 3<<20 {
			t.Errorf("%d bytes of packs are stored, of %d", grown, storedBytes(mem))
		}
	})
}

func storedBytes(mem *targettest.Memory) int64 {
	_, bytes := stored(mem, "packs/")
	return bytes
}
