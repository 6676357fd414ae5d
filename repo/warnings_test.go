package repo_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A vault stands for a key management service.
type vault struct {
	secret repo.Secret
	err    error
	asked  int
}

func (v *vault) Unlock(context.Context) (repo.Secret, error) {
	v.asked++
	return v.secret, v.err
}

func TestARepositoryIsOpenedByWhatGetsItsSecretWhenItIsNeeded(t *testing.T) {
	mem := &targettest.Memory{}
	o := repo.Options{CacheDir: t.TempDir()}
	v := &vault{secret: testKey(t)}
	if _, err := repo.Open(t.Context(), mem, v, o); !errors.Is(err, repo.ErrNoRepository) || v.asked != 0 {
		t.Fatalf("where no repository is the service is asked %d times: %v", v.asked, err)
	}
	for n, open := range []func() (*repo.Repo, error){
		func() (*repo.Repo, error) { return repo.Init(t.Context(), mem, v, repo.InitOptions{Options: o}) },
		func() (*repo.Repo, error) { return repo.Open(t.Context(), mem, v, o) },
	} {
		r, err := open()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if v.asked != n+1 {
			t.Errorf("the service was asked %d times for %d openings", v.asked, n+1)
		}
	}
	v.err = errors.New("the service is down")
	if _, err := repo.Open(t.Context(), mem, v, o); !errors.Is(err, v.err) {
		t.Errorf("a service that is down: %v", err)
	}
}

// oddities opens a repository with a snapshot of "file" on a target and does something
// with it. It returns what was logged.
func oddities(t *testing.T, on, replica target.Target, cache string, do func(*repo.Repo) error) string {
	t.Helper()
	key := testKey(t)
	r, err := repo.Init(t.Context(), on, key, repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{"file": {Data: []byte("content"), Mode: 0o644}}
	if _, err := r.Snapshot(t.Context(), repo.FromFS(tree, "/x"), repo.SnapshotOptions{Workers: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Replicate(t.Context(), replica, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	var log bytes.Buffer
	o := repo.Options{
		CacheDir: cache, Replicas: []repo.Replica{repo.ReplicaOn("second", replica)},
		Warn: repo.LogTo(slog.NewTextHandler(&log, nil)),
	}
	if r, err = repo.Open(t.Context(), on, key, o); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := do(r); err != nil {
		t.Fatal(err)
	}
	return log.String()
}

func restoreNewest(t *testing.T) func(*repo.Repo) error {
	return func(r *repo.Repo) error {
		all, err := r.Snapshots(t.Context(), repo.Filter{})
		if err == nil {
			_, err = r.Restore(t.Context(), all[len(all)-1], repo.RestoreOptions{To: t.TempDir()})
		}
		return err
	}
}

func TestOdditiesThatFailNothingAreLogged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cache string
		spoil func(*targettest.Memory)
		said  []string
	}{
		"nothing": {t.TempDir(), func(*targettest.Memory) {}, nil},
		"a cache that can't be made": {
			filepath.Join(file, "cache"), func(*targettest.Memory) {},
			[]string{"the local cache can't be written", "the local index in"},
		},
		"packs that are read from a replica": {t.TempDir(), func(m *targettest.Memory) {
			for name := range withPrefix(m.Objects(), "packs/") {
				if err := m.Delete(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}, []string{"was read from replica second"}},
	} {
		t.Run(name, func(t *testing.T) {
			on, replica := &targettest.Memory{}, &targettest.Memory{}
			logged := oddities(t, on, replica, c.cache, func(r *repo.Repo) error {
				c.spoil(on)
				return restoreNewest(t)(r)
			})
			for _, said := range c.said {
				if n := strings.Count(logged, said); n != 1 {
					t.Errorf("%q is logged %d times:\n%s", said, n, logged)
				}
			}
			if lines := strings.Count(logged, "\n"); lines != len(c.said) {
				t.Errorf("%d lines are logged instead of %d:\n%s", lines, len(c.said), logged)
			}
		})
	}
}
