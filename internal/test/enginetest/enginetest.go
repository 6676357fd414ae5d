// Package enginetest makes repositories in memory for the tests of the rooms above the
// engine.
package enginetest

import (
	"context"
	"io/fs"
	"testing"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// Create makes a repository on an empty target. A clock says what time it is there.
func Create(t testing.TB, on target.Target, clock *fixture.Clock) *engine.Engine {
	t.Helper()
	unlock := func(context.Context) (keys.Secret, error) { return fixture.KeyFile(t, 1), nil }
	e, err := engine.Create(t.Context(), on, unlock, config.Choice{}, "", host(t, clock))
	return opened(t, e, err)
}

// Open opens a repository that Create has made, with an empty cache.
func Open(t testing.TB, on target.Target, clock *fixture.Clock) *engine.Engine {
	t.Helper()
	unlock := func(context.Context) (keys.Secret, error) { return fixture.KeyFile(t, 1), nil }
	e, err := engine.Open(t.Context(), on, unlock, host(t, clock))
	return opened(t, e, err)
}

func host(t testing.TB, clock *fixture.Clock) engine.Host {
	return engine.Host{Now: clock.Now, Hostname: "host", CacheDir: t.TempDir()}
}

func opened(t testing.TB, e *engine.Engine, err error) *engine.Engine {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(e); err != nil {
			t.Error(err)
		}
	})
	return e
}

// Take takes a snapshot of a file system, whose path is /x.
func Take(t testing.TB, e *engine.Engine, files fs.FS) *snapshot.Manifest {
	t.Helper()
	m, err := take.Run(t.Context(), e, take.FS(files, "/x"), take.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
