package repo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// atTime opens a fixture's repository with a clock that stands.
func (f *fixture) atTime(now time.Time) *repo.Repo {
	f.t.Helper()
	r, err := repo.Open(context.Background(), f.target, f.key, repo.Options{CacheDir: f.t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { r.Close() })
	return r
}

func TestARunWithAClockTwentyYearsAheadIsNotTheNewest(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f := newFixture(t)
	take := func(at time.Time, v int, host string) *snapshot.Manifest {
		m, err := f.atTime(at).Snapshot(t.Context(), repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{Hostname: host})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	ahead := take(now.AddDate(20, 0, 0), 0, "a")
	right := take(now, 1, "a")
	if right.Previous != ahead.ID || right.Parent != ahead.ID || right.Number != 2 {
		t.Errorf("it doesn't follow the one before: %+v", right)
	}
	r := f.atTime(now.Add(time.Hour))
	if m, err := r.Latest(t.Context(), repo.Filter{}); err != nil || m.ID != right.ID {
		t.Errorf("latest: %v, %v", m, err)
	}
	if m, err := r.Latest(t.Context(), repo.Filter{Until: ahead.End}); err != nil || m.ID != ahead.ID {
		t.Errorf("at the time that is shown for the one ahead: %v, %v", m, err)
	}
	if _, err := r.Latest(t.Context(), repo.Filter{Until: now.Add(-time.Second)}); !errors.Is(err, repo.ErrNoSnapshot) {
		t.Errorf("before any had ended: %v", err)
	}
	// Another host has no time but one from the future.
	take(now.AddDate(30, 0, 0), 2, "b")
	if m, err := r.Latest(t.Context(), repo.Filter{}); err != nil || m.ID != right.ID {
		t.Errorf("latest of two sources: %v, %v", m, err)
	}
	sources, err := r.Catalog().Sources(t.Context(), repo.Filter{})
	if err != nil || len(sources) != 2 || sources[0].Hostname != "a" || sources[0].Versions != 2 || sources[0].Newest.ID != right.ID {
		t.Errorf("two sources: %+v, %v", sources, err)
	}
	if one, err := r.Catalog().Sources(t.Context(), repo.Filter{Hostname: "b"}); err != nil || len(one) != 1 || one[0].Source.String() != "b:/x" {
		t.Errorf("%+v, %v", one, err)
	}
	if _, err := r.Retain(t.Context(), repo.RetainOptions{Policy: retention.Policy{KeepLast: 1}, Filter: repo.Filter{Hostname: "a"}}); err != nil {
		t.Error(err)
	}
	if all, err := r.Snapshots(t.Context(), repo.Filter{Hostname: "a"}); err != nil || len(all) != 1 || all[0].ID != right.ID {
		t.Errorf("the last one that a policy keeps: %v, %v", all, err)
	}
}
