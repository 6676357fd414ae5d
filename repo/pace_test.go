package repo_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// A countingPacer counts how often it is asked. After some calls it refuses.
type countingPacer struct {
	calls  atomic.Int64
	refuse atomic.Bool
}

var errPaceEnded = errors.New("the pacer ends this")

func (p *countingPacer) Pace(ctx context.Context) error {
	p.calls.Add(1)
	if p.refuse.Load() {
		return errPaceEnded
	}
	return ctx.Err()
}

const pacedTestBytes = 24 << 20

// pacedTree makes a tree of two large files, and of many small ones.
func pacedTree(t *testing.T) (dir string, files int) {
	t.Helper()
	dir = t.TempDir()
	random := rand.NewChaCha8([32]byte{7})
	write := func(name string, size int) {
		b := make([]byte, size)
		random.Read(b)
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2 {
		write(fmt.Sprint("large", n), pacedTestBytes/2)
	}
	for n := range 600 {
		write(fmt.Sprint("small", n), 300)
	}
	return dir, 602
}

func TestThePacerIsAskedBeforeEachPartOfLongWork(t *testing.T) {
	for name, at := range map[string]func(t *testing.T) target.Target{
		"local":  func(t *testing.T) target.Target { return localTarget(t) },
		"remote": func(t *testing.T) target.Target { return &targettest.Memory{} },
	} {
		t.Run(name, func(t *testing.T) { testVerbsArePaced(t, at(t), at(t)) })
	}
}

func localTarget(t *testing.T) target.Target { return localTargetIn(t, t.TempDir()) }

func localTargetIn(t *testing.T, dir string) target.Target {
	t.Helper()
	l, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// testVerbsArePaced looks at how often each verb asks, and what it does when it is refused.
func testVerbsArePaced(t *testing.T, at, other target.Target) {
	ctx, key, p := t.Context(), testKey(t), new(countingPacer)
	o := repo.Options{CacheDir: t.TempDir(), Pace: p}
	r, err := repo.Init(ctx, at, key, repo.InitOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tree, files := pacedTree(t)
	m, err := r.Snapshot(ctx, repo.Paths(tree), repo.SnapshotOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for _, verb := range []struct {
		name string
		many int64 // times that the verb has to ask
		do   func() error
	}{
		{"snapshot", 2*(pacedTestBytes>>20) + int64(files), func() error {
			_, err := r.Snapshot(ctx, repo.Paths(tree), repo.SnapshotOptions{ReadAll: true})
			return err
		}},
		{"snapshot of what has not changed", int64(files) / 128, func() error {
			_, err := r.Snapshot(ctx, repo.Paths(tree), repo.SnapshotOptions{})
			return err
		}},
		{"check", pacedTestBytes >> 20, func() error {
			_, err := r.Check(ctx, repo.CheckOptions{ReadData: true})
			return err
		}},
		{"restore", int64(files) + pacedTestBytes>>20, func() error {
			_, err := r.Restore(ctx, m, repo.RestoreOptions{To: filepath.Join(out, "restored"), NoSync: true})
			return err
		}},
		{"replicate", pacedTestBytes >> 20, func() error {
			_, err := r.Replicate(ctx, other, repo.ReplicateOptions{})
			return err
		}},
		{"compare", 2 * pacedTestBytes >> 20, func() error {
			_, err := repo.Compare(ctx, at, other, repo.CompareOptions{ReadData: true, Pace: p})
			return err
		}},
		{"prune", 10, func() error {
			_, err := r.Prune(ctx, repo.PruneOptions{})
			return err
		}},
	} {
		p.refuse.Store(true)
		if err := verb.do(); !errors.Is(err, errPaceEnded) {
			t.Errorf("%s: the pacer's error did not end it: %v", verb.name, err)
		}
		p.refuse.Store(false)
		p.calls.Store(0)
		if err := verb.do(); err != nil {
			t.Fatalf("%s: %v", verb.name, err)
		}
		if got := p.calls.Load(); got < verb.many {
			t.Errorf("%s asked the pacer %d times, want at least %d", verb.name, got, verb.many)
		}
	}
}
