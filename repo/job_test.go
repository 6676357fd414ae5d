package repo_test

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestASnapshotMadeFromAnotherKeepsItsLevelAndItsJob(t *testing.T) {
	ctx := t.Context()
	f := newFixture(t)
	job := snapshot.Job{Profile: "app", Slot: time.Date(2026, 11, 30, 14, 0, 0, 0, time.UTC), Installation: snapshot.Installation{7}, Settings: []byte("repo: /r\n")}
	files := fstest.MapFS{"a": {Data: []byte("a")}, "b": {Data: []byte("b")}}
	m := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{Job: job, Level: snapshot.LevelFull})
	has := func(how string, m *snapshot.Manifest, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		j := m.Job
		if m.Level != snapshot.LevelFull || j.Profile != job.Profile || !j.Slot.Equal(job.Slot) || j.Installation != job.Installation || string(j.Settings) != string(job.Settings) {
			t.Errorf("%s: level %v, job %+v", how, m.Level, j)
		}
	}
	has("taken", m, nil)
	f.reopen()
	m, err := f.Get(ctx, m.ID)
	has("read", m, err)

	rewritten, err := f.Maintenance().Rewrite(ctx, m.ID, repo.RewriteOptions{Exclude: []string{"b"}})
	has("rewritten", rewritten, err)
	if err := f.Forget(ctx, []snapshot.ID{rewritten.ID}); err != nil {
		t.Fatal(err)
	}
	back, err := f.Catalog().Undelete(ctx, rewritten.ID)
	has("brought back", back, err)

	other := newFixture(t)
	if _, err := f.Copy(ctx, other.Repo, []*snapshot.Manifest{m}, repo.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	copied, err := other.Latest(ctx, repo.Filter{Profile: "app"})
	has("copied", copied, err)

	replica := &targettest.Memory{}
	if _, err := f.Replicate(ctx, replica, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(ctx, replica, f.key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	replicated, err := r.Get(ctx, m.ID)
	has("replicated", replicated, err)
}

// Two hosts run one profile hourly, and people run it by hand: each keeps its hours.
func TestTwoHostsInOneRepositoryKeepTheirHours(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	r, err := repo.Init(ctx, &targettest.Memory{}, testKey(t), repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir(), Now: func() time.Time { return now }}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const keep = 12
	take := func(host string, machine byte, slot time.Time, text string) {
		t.Helper()
		_, err := r.Snapshot(ctx, repo.FromFS(fstest.MapFS{"f": {Data: []byte(text)}}, "/srv"), repo.SnapshotOptions{
			Hostname: host, Workers: 1, Job: snapshot.Job{Profile: "app", Slot: slot, Installation: snapshot.Installation{machine}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for hour := range keep + 5 {
		slot := now
		for run := range 4 {
			now = now.Add(time.Minute)
			take("web", 1, slot, fmt.Sprint("web", hour, run))
			take("db", 2, slot, fmt.Sprint("db", hour, run))
		}
		_, err := r.Retain(ctx, repo.RetainOptions{
			Policy: retention.Policy{KeepLast: keep},
			Filter: repo.Filter{Hostname: "web", Profile: "app", ProfilePaths: []string{"/srv"}},
			Group:  retention.Grouping{AnyPaths: true, Profile: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		now = slot.Add(time.Hour)
	}
	for host, want := range map[string]struct{ slots, versions int }{"web": {keep, 2 * keep}, "db": {keep + 5, 4 * (keep + 5)}} {
		all, err := r.Snapshots(ctx, repo.Filter{Hostname: host, Profile: "app"})
		slots := map[time.Time]bool{}
		for _, m := range all {
			slots[m.Job.Slot] = true
		}
		if err != nil || len(slots) != want.slots || len(all) != want.versions {
			t.Errorf("%s has %d slots in %d versions, want %+v; %v", host, len(slots), len(all), want, err)
		}
	}
}

func TestARepositoryIsWholeAfterVersionsWereTakenOver(t *testing.T) {
	ctx := t.Context()
	f := newFixture(t)
	take := func(host, profile string, versions int) {
		t.Helper()
		for v := range versions {
			files := fstest.MapFS{"f": {Data: fmt.Append(nil, host, profile, v)}}
			f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{Hostname: host, Job: snapshot.Job{Profile: profile}})
		}
	}
	take("old", "app", 2)
	take("old", "night", 1) // it follows one that is taken over
	take("old", "app", 1)
	take("new", "app", 1)
	replica := &targettest.Memory{}
	replicate := func() {
		t.Helper()
		if _, err := f.Replicate(ctx, replica, repo.ReplicateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	whole := func(when string, r *repo.Repo) {
		t.Helper()
		report, err := r.Check(ctx, repo.CheckOptions{ReadData: true})
		if err != nil || report.Damaged() || report.Snapshots != 5 {
			t.Errorf("%s: %d snapshots, %+v, %v", when, report.Snapshots, report.Findings, err)
		}
	}
	replicate()
	adopted, err := f.Maintenance().Adopt(ctx, repo.AdoptOptions{From: "old", To: "new", Profile: "app"})
	if err != nil || len(adopted) != 3 {
		t.Fatal(adopted, err)
	}
	whole("after it", f.Repo)
	replicate()
	if _, err := f.Prune(ctx, repo.PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	replicate()
	f.reopen()
	whole("after a prune", f.Repo)
	r, err := repo.Open(ctx, replica, f.key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	whole("the replica", r)
}
