package webdav

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestRealServersKeepTheContract(t *testing.T) {
	eachServer(t, func(t *testing.T, s realServer) {
		if err := targettest.Check(t.Context(), s.open(t)); err != nil {
			t.Error(err)
		}
	})
}

func TestOfRacingPutsOneWinsOnRealServers(t *testing.T) {
	eachServer(t, func(t *testing.T, s realServer) {
		var clients []*Target
		for range 4 {
			clients = append(clients, s.open(t))
		}
		raceOn(t, "race", 25, clients...)
		if n, err := clients[0].RemoveUploads(t.Context()); n != 0 || err != nil {
			t.Errorf("%d uploads were left, %v", n, err)
		}
	})
}

func TestARepositoryOnRealServers(t *testing.T) {
	files := fstest.MapFS{
		"a/big":   {Data: bytes.Repeat([]byte("some text that is repeated, "), 200_000)},
		"a/small": {Data: []byte("hello\n")},
		"empty":   {},
	}
	eachServer(t, func(t *testing.T, s realServer) {
		text, err := repo.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		key, err := repo.ParseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		o := repo.Options{CacheDir: t.TempDir()}
		r, err := repo.Init(t.Context(), s.open(t), key, repo.InitOptions{Options: o})
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Snapshot(t.Context(), repo.FromFS(files, "/srv"), repo.SnapshotOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		// Another process, that knows nothing yet.
		o.CacheDir = t.TempDir()
		if r, err = repo.Open(t.Context(), s.open(t), key, o); err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
		if err != nil || len(report.Findings) > 0 {
			t.Errorf("check: %+v, %v", report, err)
		}
		restored := r.View(m).FS(t.Context())
		for name, want := range files {
			if got, err := fs.ReadFile(restored, name); err != nil || !bytes.Equal(got, want.Data) {
				t.Errorf("%s: read %d bytes, %v", name, len(got), err)
			}
		}
		if _, err := r.Restore(t.Context(), m, repo.RestoreOptions{To: t.TempDir(), Verify: true, NoOwner: true}); err != nil {
			t.Error(err)
		}
		versions, err := r.Snapshots(t.Context(), repo.Filter{})
		if err != nil || len(versions) != 1 {
			t.Errorf("%d snapshots, %v", len(versions), err)
		}
	})
}

func TestAServerKilledDuringAPutHasAllOfItOrNothing(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB, above what is buffered anywhere
	body = bytes.Repeat(body, 12)
	eachServer(t, func(t *testing.T, s realServer) {
		tgt := s.open(t)
		mustPut(t, tgt, "packs/aa/first", "kept")
		reached, goOn := make(chan struct{}), make(chan struct{})
		result := make(chan error, 1)
		go func() {
			b := &slowBody{Reader: bytes.NewReader(body), reached: reached, goOn: goOn}
			result <- tgt.Put(t.Context(), "packs/aa/killed", b, int64(len(body)))
		}()
		<-reached
		s.Kill()
		close(goOn)
		err := <-result
		if e, ok := errors.AsType[*Error](err); !ok || !e.Temporary() || strings.Contains(err.Error(), "\n") {
			t.Errorf("the put returns %v", err)
		}
		s.Restart()
		again := s.open(t)
		if _, err := again.Stat(t.Context(), "packs/aa/killed"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after the restart: %v", err)
		}
		if got := read(t, again, "packs/aa/first"); string(got) != "kept" {
			t.Errorf("the object from before is %q", got)
		}
		for _, c := range []*Target{tgt, again} {
			err := c.Put(t.Context(), "packs/aa/killed", bytes.NewReader(body), int64(len(body)))
			if c == tgt && err != nil || c == again && !errors.Is(err, fs.ErrExist) {
				t.Errorf("the put repeated returns %v", err)
			}
		}
		if got := read(t, again, "packs/aa/killed"); !bytes.Equal(got, body) {
			t.Errorf("the object has %d bytes", len(got))
		}
		if _, err := again.RemoveUploads(t.Context()); err != nil {
			t.Error(err)
		}
		if n, err := again.RemoveUploads(t.Context()); n != 0 || err != nil {
			t.Errorf("%d uploads after they were removed, %v", n, err)
		}
	})
}

// The server dies at some moment of many puts, which may be in any request of theirs.
func TestAServerKilledAtAnyMomentTearsNothing(t *testing.T) {
	const writers = 8
	eachServer(t, func(t *testing.T, s realServer) {
		for round := range 4 {
			tgt := s.open(t)
			content := func(name string) string { return strings.Repeat(name, 20_000) }
			var wg sync.WaitGroup
			var put [writers][]string
			for i := range writers {
				wg.Go(func() {
					for n := 0; ; n++ {
						name := fmt.Sprintf("killed/%d/%d-%d", round, i, n)
						if tgt.Put(t.Context(), name, strings.NewReader(content(name)), int64(len(content(name)))) != nil {
							return
						}
						put[i] = append(put[i], name)
					}
				})
			}
			stopped := make(chan struct{})
			time.AfterFunc(time.Duration(100+70*round)*time.Millisecond, func() {
				defer close(stopped)
				s.Kill()
			})
			wg.Wait()
			<-stopped
			s.Restart()
			tgt = s.open(t)
			there := map[string]bool{}
			for info, err := range tgt.List(t.Context(), fmt.Sprintf("killed/%d/", round)) {
				if err != nil {
					t.Fatal(err)
				}
				there[info.Name] = true
				if got := read(t, tgt, info.Name); string(got) != content(info.Name) {
					t.Errorf("%s has %d bytes, not the %d put", info.Name, len(got), len(content(info.Name)))
				}
			}
			for _, name := range slices.Concat(put[:]...) {
				if !there[name] {
					t.Errorf("%s was put, and is gone", name)
				}
			}
			t.Logf("killed with %d objects there", len(there))
		}
	})
}
