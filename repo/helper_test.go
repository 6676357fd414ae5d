package repo_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// testKey returns a new key.
func testKey(t testing.TB) repo.Secret {
	t.Helper()
	text, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := repo.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A fixture is a repository, and what opens it again.
type fixture struct {
	*repo.Repo
	t      testing.TB
	target target.Target
	key    repo.Secret
	cache  string
}

func newFixture(t testing.TB) *fixture { return newFixtureOn(t, &targettest.Memory{}) }

func newFixtureOn(t testing.TB, tgt target.Target) *fixture {
	t.Helper()
	f := &fixture{t: t, target: tgt, key: testKey(t), cache: t.TempDir()}
	r, err := repo.Init(context.Background(), tgt, f.key, repo.InitOptions{Options: repo.Options{CacheDir: f.cache}})
	if err != nil {
		t.Fatal(err)
	}
	f.Repo = r
	t.Cleanup(func() { f.Repo.Close() })
	return f
}

// reopen opens the repository as another process would.
func (f *fixture) reopen() {
	f.t.Helper()
	f.Repo.Close()
	r, err := repo.Open(context.Background(), f.target, f.key, repo.Options{CacheDir: f.cache})
	if err != nil {
		f.t.Fatal(err)
	}
	f.Repo = r
}

func (f *fixture) snapshot(src repo.Source, o repo.SnapshotOptions) *snapshot.Manifest {
	f.t.Helper()
	m, err := f.Snapshot(context.Background(), src, o)
	if err != nil && !errors.Is(err, repo.ErrIncomplete) {
		f.t.Fatal(err)
	}
	return m
}

func (f *fixture) restore(m *snapshot.Manifest, o repo.RestoreOptions) repo.RestoreReport {
	f.t.Helper()
	o.NoSync = true
	report, err := f.Restore(context.Background(), m, o)
	if err != nil {
		f.t.Fatal(err)
	}
	return report
}

// A namedEntry is an entry with its path in a snapshot.
type namedEntry struct {
	path string
	*snapshot.Entry
}

// entries returns everything in a snapshot, in the order of a walk.
func (f *fixture) entries(m *snapshot.Manifest) (all []namedEntry) {
	f.t.Helper()
	err := f.View(m).Walk(f.t.Context(), &m.Root, func(path string, e *snapshot.Entry, err error) error {
		all = append(all, namedEntry{path, e})
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

func withPrefix(objects map[string][]byte, prefix string) map[string][]byte {
	out := map[string][]byte{}
	for name, b := range objects {
		if name == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(name, prefix) {
			out[name] = b
		}
	}
	return out
}
