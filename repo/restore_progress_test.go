package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
)

func TestARestoreReportsHowFarItHasCome(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(fstest.MapFS{"a": {Data: []byte("123")}, "d/b": {Data: []byte("12")}}, "/src"), repo.SnapshotOptions{})
	for _, c := range []struct {
		o           repo.RestoreOptions
		done, total int64
		files       uint64
	}{
		{repo.RestoreOptions{}, 5, 5, 2},
		{repo.RestoreOptions{Path: "d"}, 2, 0, 0},
		{repo.RestoreOptions{Exclude: []string{"b"}}, 3, 0, 0},
	} {
		var last repo.RestoreProgress
		var actions []repo.Action
		c.o.To, c.o.Actions = filepath.Join(t.TempDir(), "out"), true
		c.o.Progress = func(p repo.RestoreProgress) {
			if last = p; p.Action != "" {
				actions = append(actions, p.Action)
			}
		}
		report := f.restore(m, c.o)
		if !last.Finished || last.Phase != repo.PhaseRestore || last.Done != c.done || last.Total != c.total || last.Unit != repo.UnitBytes {
			t.Errorf("%q without %q: the last progress is %+v", c.o.Path, c.o.Exclude, last.Progress)
		}
		if last.Whole.Files != c.files || last.Report.Files != report.Files || int64(len(actions)) != report.Created || actions[0] != repo.ActionCreate {
			t.Errorf("%q without %q: the last update is %+v, after %q; report %+v", c.o.Path, c.o.Exclude, last, actions, report)
		}
	}
}

func write(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(name, []byte("live"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAnOverwriteIsNeverWhatItDoesNotSay(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(fstest.MapFS{"a": {Data: []byte("new"), ModTime: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}}, "/src"), repo.SnapshotOptions{})
	for overwrite, replaced := range map[repo.Overwrite]int64{repo.OverwriteAlways: 1, repo.OverwriteIfChanged: 1, repo.OverwriteIfNewer: 0, repo.OverwriteNever: 0} {
		to := t.TempDir()
		write(t, filepath.Join(to, "a"))
		report := f.restore(m, repo.RestoreOptions{To: to, Overwrite: overwrite})
		if report.Replaced != replaced {
			t.Errorf("overwrite %d: %d files are replaced, not %d", overwrite, report.Replaced, replaced)
		}
	}
}

func TestAReportIsValidWithAnError(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(fstest.MapFS{"a": {Data: []byte("123")}}, "/src"), repo.SnapshotOptions{})
	stop := errors.New("no")
	to := t.TempDir()
	write(t, filepath.Join(to, "extra"))
	var plan repo.DeletionPlan
	report, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: to, Delete: true, Confirm: func(p repo.DeletionPlan) error {
		plan = p
		return stop
	}})
	if !errors.Is(err, stop) || report.Deleted != 0 || report.Created != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if plan.Delete != 1 || plan.There == 0 || len(plan.Paths) != 1 || plan.Paths[0] != "extra" {
		t.Errorf("the plan is %+v", plan)
	}
}
