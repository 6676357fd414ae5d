package repo_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestAnIncompleteSnapshotIsAnErrorWithItsCauses(t *testing.T) {
	files := fstest.MapFS{"kept": {Data: []byte("x"), Mode: 0o644}, "denied": {Data: []byte("y"), Mode: 0o644}}
	f := newFixture(t)
	src := repo.FromFS(&restlessFS{MapFS: files, opens: map[string]error{"denied": fs.ErrPermission}}, "/x")
	m, err := f.Snapshot(t.Context(), src, repo.SnapshotOptions{})
	var lacking *repo.IncompleteError
	if !errors.Is(err, repo.ErrIncomplete) || !errors.As(err, &lacking) || lacking.Paths != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	if !errors.Is(err, fs.ErrPermission) || errors.Is(err, repo.ErrDamaged) || !strings.Contains(err.Error(), "denied: ") {
		t.Errorf("the cause is lost: %v", err)
	}
	if there, err := f.Latest(t.Context(), repo.Filter{}); err != nil || m == nil || there.ID != m.ID || !m.Good() {
		t.Errorf("it was not taken all the same: %v, %v", there, err)
	}
	if m, err := f.Repo.Snapshot(t.Context(), src, repo.SnapshotOptions{DryRun: new(repo.Cost)}); !errors.Is(err, repo.ErrIncomplete) || m == nil {
		t.Errorf("a dry run of it: %v", err)
	}
}

func TestWhateverMeetsDamageSaysSoInOneWay(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		what, damaged string
		do            func(*fixture, *snapshot.Manifest) error
	}{
		{"check", "packs/", func(f *fixture, _ *snapshot.Manifest) error {
			report, err := f.Check(ctx, repo.CheckOptions{ReadData: true})
			if !report.Damaged() {
				t.Errorf("check: %+v", report)
			}
			return err
		}},
		{"restore", "packs/", func(f *fixture, m *snapshot.Manifest) error {
			_, err := f.Restore(ctx, m, repo.RestoreOptions{To: t.TempDir(), NoSync: true})
			if !errors.Is(err, repo.ErrIncomplete) {
				t.Errorf("restore: %v", err)
			}
			return err
		}},
		{"read", "packs/", func(f *fixture, m *snapshot.Manifest) error {
			return fs.WalkDir(f.View(m).FS(ctx), ".", func(p string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					_, err = fs.ReadFile(f.View(m).FS(ctx), p)
				}
				return err
			})
		}},
		{"list", "snapshots/", func(f *fixture, _ *snapshot.Manifest) error {
			all, err := f.Snapshots(ctx, repo.Filter{})
			if len(all) != 1 {
				t.Errorf("%d are listed", len(all))
			}
			return err
		}},
	} {
		mem := &targettest.Memory{}
		f := newFixtureOn(t, mem)
		f.snapshot(repo.FromFS(rollingTree(1), "/x"), repo.SnapshotOptions{})
		m := f.snapshot(repo.FromFS(rollingTree(30), "/x"), repo.SnapshotOptions{})
		name := largest(mem, c.damaged)
		flip(mem, name, len(mem.Objects()[name])/2)
		f.cache = t.TempDir()
		f.reopen()
		err := c.do(f, m)
		object, _ := errors.AsType[*repo.DamageError](err)
		lost, _ := errors.AsType[*repo.LostError](err)
		part, _ := errors.AsType[*pack.DamageError](err)
		if !errors.Is(err, repo.ErrDamaged) || object == nil && lost == nil && part == nil {
			t.Errorf("%s: %v, %T", c.what, err, err)
		}
	}
}

func TestPruneLeavesAloneWhatItCannotReadAndSaysSo(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	for v := range 3 {
		f.snapshot(repo.FromFS(rollingTree(20*v), "/x"), repo.SnapshotOptions{})
	}
	name := largest(mem, "packs/")
	flip(mem, name, 1000)
	if err := f.Forget(t.Context(), []snapshot.ID{f.all()[0].ID}); err != nil {
		t.Fatal(err)
	}
	report, err := f.Prune(t.Context(), repo.PruneOptions{MaxUnused: new(0.0)})
	if !errors.Is(err, repo.ErrDamaged) || len(report.Left) == 0 || !errors.Is(err, report.Left[0]) {
		t.Errorf("%+v, %v", report, err)
	}
	if _, there := mem.Objects()[name]; !there {
		t.Error("what can't be read was deleted")
	}
}

func TestForgettingWhatNeverWasIsAnErrorAndWhatWasIsNone(t *testing.T) {
	f := newFixture(t)
	var ids []snapshot.ID
	for v := range 4 {
		ids = append(ids, f.snapshot(repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{}).ID)
	}
	never := snapshot.ID{1, 2, 3}
	if err := f.Forget(t.Context(), []snapshot.ID{never, ids[0]}); !errors.Is(err, repo.ErrNoSnapshot) || !strings.Contains(err.Error(), never.String()) {
		t.Errorf("one that never was: %v", err)
	}
	if all := f.all(); len(all) != 3 {
		t.Errorf("%d are left: the others were not forgotten", len(all))
	}
	f.prune(repo.PruneOptions{})
	f.reopen()
	if err := f.Forget(t.Context(), []snapshot.ID{ids[0]}); err != nil {
		t.Errorf("one that was forgotten, and is pruned: %v", err)
	}
	if was, err := f.Catalog().WasForgotten(t.Context(), ids[0].Short()); !was || err != nil {
		t.Errorf("%v, %v", was, err)
	}
	if was, err := f.Catalog().WasForgotten(t.Context(), ""); was || err != nil {
		t.Errorf("nothing was forgotten: %v", err)
	}
}

func TestRetainWithoutAGroupingDoesNotMixSources(t *testing.T) {
	f := newFixture(t)
	for _, host := range []string{"a", "b", "a"} {
		f.snapshot(repo.FromFS(rollingTree(1), "/x"), repo.SnapshotOptions{Hostname: host})
	}
	f.snapshot(repo.FromFS(rollingTree(1), "/y"), repo.SnapshotOptions{Hostname: "a"})
	o := repo.RetainOptions{Policy: retention.Policy{KeepLast: 1}}
	groups, err := f.Retain(t.Context(), o)
	if all := f.all(); err != nil || len(groups) != 3 || len(all) != 3 {
		t.Errorf("%d groups, %d snapshots are left, %v", len(groups), len(all), err)
	}
	o.Group = retention.Grouping{AnyHost: true, AnyPaths: true}
	groups, err = f.Retain(t.Context(), o)
	if all := f.all(); err != nil || len(groups) != 1 || len(all) != 1 {
		t.Errorf("mixed: %d groups, %d snapshots are left, %v", len(groups), len(all), err)
	}
}

func TestAllThatMayStayUnusedCanBeNone(t *testing.T) {
	f := newFixture(t)
	for v := range 12 {
		f.snapshot(repo.FromFS(rollingTree(v), "/x"), repo.SnapshotOptions{})
	}
	if err := f.Forget(t.Context(), []snapshot.ID{f.all()[0].ID}); err != nil {
		t.Fatal(err)
	}
	var unused []int64
	for _, most := range []float64{0, 1000} {
		report, err := f.Prune(t.Context(), repo.PruneOptions{MaxUnused: &most, DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		unused = append(unused, report.UnusedBytes)
	}
	if unused[0] != 0 || unused[1] == 0 {
		t.Errorf("%d bytes stay unused where none may, %d where all may", unused[0], unused[1])
	}
	if _, err := f.Prune(t.Context(), repo.PruneOptions{MaxUnused: new(-1.0)}); err == nil {
		t.Error("less than none is taken")
	}
}
