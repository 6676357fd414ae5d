package servers_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/test/servers"
	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// tree returns a version of some files, half of which are those of all versions.
func tree(version uint64) fstest.MapFS {
	files := fstest.MapFS{}
	for i := range uint64(8) {
		files[fmt.Sprintf("same/%d", i)] = &fstest.MapFile{Data: treetest.Bytes(i, 150_000), Mode: 0o644, ModTime: time.Unix(1_700_000_000, 0)}
		files[fmt.Sprintf("own/%d/%d", version, i)] = &fstest.MapFile{Data: treetest.Bytes(100*version+i, 90_000), Mode: 0o644, ModTime: time.Unix(1_700_000_000, 0)}
	}
	return files
}

// holds fails the test unless a snapshot has those files, as they are read from it.
func holds(t *testing.T, r *repo.Repo, m *snapshot.Manifest, want fstest.MapFS) {
	t.Helper()
	got := 0
	fsys := r.View(m).FS(t.Context())
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		got++
		b, err := fs.ReadFile(fsys, p)
		if err == nil && (want[p] == nil || !bytes.Equal(b, want[p].Data)) {
			err = fmt.Errorf("%s: other bytes", p)
		}
		return err
	})
	if err != nil || got != len(want) {
		t.Errorf("%d of %d files, %v", got, len(want), err)
	}
}

func undamaged(t *testing.T, r *repo.Repo) {
	t.Helper()
	report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.IsDamage() {
			t.Errorf("check: %+v", f)
		}
	}
}

var secret = func() repo.Secret {
	text, err := repo.NewKey()
	if err != nil {
		panic(err) // there is no randomness
	}
	key, err := repo.ParseKey(text)
	if err != nil {
		panic(err)
	}
	return key
}()

// initAt makes a repository, on a good network.
func initAt(t *testing.T, tgt target.Target) {
	t.Helper()
	r, err := repo.Init(t.Context(), tgt, secret, repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}, PackSize: 1 << 20})
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func openAt(t *testing.T, tgt target.Target) *repo.Repo {
	t.Helper()
	r, err := repo.Open(t.Context(), tgt, secret, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// eachStore runs a test on each server with some seeds, and a store for each.
func eachStore(t *testing.T, test func(t *testing.T, s *servers.Server, seed uint64)) {
	eachSeed(t, func(t *testing.T, s *servers.Server, seed uint64) {
		test(t, s.At(fmt.Sprint("seed-", seed)), seed)
	})
}

// A repository goes its round as if nothing were.
func TestARepositoryGoesRoundOnABadNetwork(t *testing.T) {
	eachStore(t, func(t *testing.T, s *servers.Server, seed uint64) {
		initAt(t, reach(t, s, s.Addr))
		p := breaks(t, s, seed, rate{0.08, 0.9})
		tgt := func() target.Target {
			return target.NewRetry(target.NewWatchdog(reach(t, s, p.Addr()), 0), impatient)
		}
		r := openAt(t, tgt())
		var versions []*snapshot.Manifest
		for v := range uint64(3) {
			m, err := r.Snapshot(t.Context(), repo.FromFS(tree(v), "/srv"), repo.SnapshotOptions{})
			if err != nil {
				t.Fatal(err)
			}
			versions = append(versions, m)
		}
		if err := r.Forget(t.Context(), []snapshot.ID{versions[0].ID, versions[1].ID}); err != nil {
			t.Fatal(err)
		}
		report, err := r.Prune(t.Context(), repo.PruneOptions{MaxUnused: new(0.01)})
		if err != nil || report.Removed == 0 {
			t.Fatalf("%+v, %v", report, err)
		}
		undamaged(t, openAt(t, tgt()))
		to := filepath.Join(t.TempDir(), "out")
		if _, err := r.Restore(t.Context(), versions[2], repo.RestoreOptions{To: to, NoSync: true, NoOwner: true}); err != nil {
			t.Fatal(err)
		}
		for name, file := range tree(2) {
			if b, err := os.ReadFile(filepath.Join(to, name)); err != nil || !bytes.Equal(b, file.Data) {
				t.Errorf("%s: %d bytes, %v", name, len(b), err)
			}
		}
		t.Logf("%d faults", len(p.Events()))
		undamaged(t, openAt(t, reach(t, s, s.Addr)))
	})
}

// Without retries runs fail, and the next goes on: what was said to be saved is.
func TestRunsThatFailOnABadNetworkLoseNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s *servers.Server, seed uint64) {
		initAt(t, reach(t, s, s.Addr))
		p := breaks(t, s, seed, rate{0.03, 0.7})
		saved := map[uint64]*snapshot.Manifest{}
		failed := 0
		try := func(do func(r *repo.Repo) error) {
			r, err := repo.Open(t.Context(), reach(t, s, p.Addr()), secret, repo.Options{CacheDir: t.TempDir()})
			if err == nil {
				err = do(r)
				r.Close()
			}
			if err != nil {
				oneLine(t, err)
				failed++
			}
		}
		for v := range uint64(6) {
			try(func(r *repo.Repo) error {
				m, err := r.Snapshot(t.Context(), repo.FromFS(tree(v), "/srv"), repo.SnapshotOptions{})
				if err == nil {
					saved[v] = m
				}
				return err
			})
			if m := saved[v-2]; v >= 2 && m != nil {
				try(func(r *repo.Repo) error { return r.Forget(t.Context(), []snapshot.ID{m.ID}) })
				delete(saved, v-2) // also if that failed: it may have happened
			}
			try(func(r *repo.Repo) error {
				_, err := r.Prune(t.Context(), repo.PruneOptions{})
				return err
			})
		}
		t.Logf("%d snapshots, %d runs failed, %d faults", len(saved), failed, len(p.Events()))
		r := openAt(t, reach(t, s, s.Addr))
		for v, m := range saved {
			holds(t, r, m, tree(v))
		}
		undamaged(t, r)
		m, err := r.Snapshot(t.Context(), repo.FromFS(tree(9), "/srv"), repo.SnapshotOptions{})
		if err != nil {
			t.Fatal(err)
		}
		holds(t, r, m, tree(9))
		if _, err := r.Prune(t.Context(), repo.PruneOptions{}); err != nil {
			t.Error(err)
		}
	})
}
