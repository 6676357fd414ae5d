//go:build scale && linux

package scale

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
)

// lately lists no snapshot but the newest, which is all that the next one needs: else
// making many takes the square of the time.
type lately struct {
	*local.Target
	newest target.Info
}

const manifests = "snapshots/"

func (l *lately) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	err := l.Target.Put(ctx, name, body, size)
	if err == nil && strings.HasPrefix(name, manifests) {
		l.newest = target.Info{Name: name, Size: size}
	}
	return err
}

func (l *lately) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	if prefix != manifests || l.newest.Name == "" {
		return l.Target.List(ctx, prefix)
	}
	return func(yield func(target.Info, error) bool) { yield(l.newest, nil) }
}

// makeSnapshots takes snapshots of a tree an hour apart, each with another version of
// one file, and returns the id of the first.
func makeSnapshots(t *testing.T, p program, tree string, snapshots int) (first string) {
	t.Helper()
	now := time.Now().Add(-time.Duration(snapshots) * time.Hour)
	r := p.open(t, &lately{Target: p.files(t)}, repo.Options{Now: func() time.Time { return now }})
	defer r.Close()
	for n := range snapshots {
		now = now.Add(time.Hour)
		changeOne(t, tree, n)
		m, err := r.Snapshot(t.Context(), repo.Paths(tree), repo.SnapshotOptions{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = m.ID.String()
		}
	}
	return first
}

// changeOne writes another version of one file of a tree.
func changeOne(t *testing.T, tree string, version int) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(tree, "changes"), fmt.Appendf(nil, "version %d\n", version), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTenThousandSnapshots is of an hourly job that nobody has looked after for a year.
func TestTenThousandSnapshots(t *testing.T) {
	const snapshots = 10_000
	p, tree := newProgram(t), t.TempDir()
	makeFiles(t, tree, 100, 10)
	start := time.Now()
	first := makeSnapshots(t, p, tree, snapshots)
	t.Logf("made %d snapshots in %v", snapshots, time.Since(start))
	out := filepath.Join(t.TempDir(), "out")
	steps := []struct {
		what  string
		args  []string
		limit time.Duration // of processors
	}{
		{"a list of snapshots", []string{"snapshots"}, 5 * time.Second},
		{"a snapshot of nothing new", []string{"snapshot", tree}, 5 * time.Second},
		{"a snapshot of one changed file", []string{"snapshot", tree}, 5 * time.Second},
		{"a look at what to forget", []string{"forget", "--keep-hourly", "72", "--dry-run"}, 5 * time.Second},
		{"a check", []string{"check"}, 30 * time.Second},
		{"a restore of one old file", []string{"restore", first + ":changes", "--target", out}, 5 * time.Second},
	}
	for n, s := range steps {
		p.dropCache(t)
		for _, cache := range []string{"an empty cache", "a warm one"} {
			if s.what == "a snapshot of one changed file" {
				changeOne(t, tree, snapshots+n)
			}
			used := p.run(t, s.args...)
			within(t, s.what+" with "+cache, used, s.limit)
		}
	}
	if b, err := os.ReadFile(filepath.Join(out, "changes")); err != nil || string(b) != "version 0\n" {
		t.Errorf("restored %q, %v", b, err)
	}
	within(t, "forgetting most", p.run(t, "forget", "--keep-hourly", "72"), 30*time.Second)
	within(t, "a prune", p.run(t, "prune"), 60*time.Second)
}

// within logs what a step took, and fails the test if that exceeds its limits.
func within(t *testing.T, what string, used usage, limit time.Duration) {
	t.Helper()
	t.Logf("%-50s %v, %v of processors, %d MiB resident", what+":", used.clock, used.processor, used.memory>>20)
	atMost(t, what+": processor time", used.processor, limit)
	atMost(t, what+": MiB resident", used.memory>>20, most)
}
