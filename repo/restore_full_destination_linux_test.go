package repo_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// A restore that certainly doesn't fit isn't begun; one that may fit is.
func TestARestoreThatFindsNoRoomWritesNothing(t *testing.T) {
	const half = 512 << 10
	full := strings.Repeat("x", 2*half)
	sparse := func(name string) { must(t, os.WriteFile(name, nil, 0o644), os.Truncate(name, 8*half)) }
	for _, c := range []struct {
		name          string
		snapshot, out map[string]string
		prepare       func(src, out string)
		options       repo.RestoreOptions
		size          string
		fits          bool
	}{
		{name: "what fits", snapshot: map[string]string{"a": full}, fits: true},
		{name: "beside what is there", snapshot: map[string]string{"a": full, "b": full}, out: map[string]string{"x": full}},
		{name: "what is there already", snapshot: map[string]string{"a": full, "b": full}, out: map[string]string{"a": full}, fits: true},
		{name: "one that is too large to be replaced", snapshot: map[string]string{"a": full + "x"}, out: map[string]string{"a": full + full[:half]}},
		{name: "several that are replaced one by one", snapshot: map[string]string{"a": full[:half], "b": full[:half], "c": full[:half]},
			out: map[string]string{"a": full[:half+1], "b": full[:half+1], "c": full[:half-1]}, fits: true},
		{name: "what is not picked", snapshot: map[string]string{"a": full[:half], "b": full + full}, options: repo.RestoreOptions{Exclude: []string{"b"}}, fits: true},
		{name: "what stays as it is", snapshot: map[string]string{"a": full + full}, out: map[string]string{"a": "1"}, options: repo.RestoreOptions{Overwrite: repo.OverwriteNever}, fits: true},
		{name: "further names", snapshot: map[string]string{"a": full}, fits: true, prepare: func(src, _ string) {
			for _, name := range []string{"b", "c", "d"} {
				must(t, os.Link(filepath.Join(src, "a"), filepath.Join(src, name)))
			}
		}},
		{name: "holes", snapshot: map[string]string{"a": "1"}, fits: true, prepare: func(src, _ string) { sparse(filepath.Join(src, "s")) }},
		{name: "in new directories", snapshot: map[string]string{"d/e/a": full, "d/e/b": full}, out: map[string]string{"d/e/c": full}},
		{name: "inodes", snapshot: map[string]string{"a": "", "b": "", "c": "", "d": "", "e": "", "f/": "", "g": "", "h": ""}, size: "size=1536k,nr_inodes=6"},
		{name: "if that is not to be looked at", snapshot: map[string]string{"a": full, "b": full}, out: map[string]string{"b": full}, options: repo.RestoreOptions{IgnoreRoom: true}, fits: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, out := t.TempDir(), t.TempDir()
			if c.size == "" {
				c.size = "size=2560k"
			}
			mountKind(t, "tmpfs", out, "tmpfs", 0, c.size)
			makeTree(t, src, c.snapshot)
			makeTree(t, out, c.out)
			if c.prepare != nil {
				c.prepare(src, out)
			}
			f := newFixture(t)
			m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
			before := strings.Join(namesBelow(t, out), " ")
			for _, dry := range []bool{true, false} {
				o := c.options
				o.To, o.DryRun = out, dry
				_, err := f.Restore(t.Context(), m, o)
				lack := (*repo.RoomError)(nil)
				if c.fits && err != nil || !c.fits && !errors.As(err, &lack) {
					t.Errorf("dry run %v: %v", dry, err)
				}
			}
			if after := strings.Join(namesBelow(t, out), " "); !c.fits && after != before {
				t.Errorf("there are %s, there were %s", after, before)
			}
		})
	}
}

// When the destination is full, whatever was computed, that is said once or twice, and not
// of every file.
func TestARestoreEndsWhenTheDestinationIsFull(t *testing.T) {
	src, out := t.TempDir(), t.TempDir()
	mountKind(t, "tmpfs", out, "tmpfs", 0, "size=400k")
	files := map[string]string{}
	for i := range 400 { // each takes a page
		files[fmt.Sprint(i)] = fmt.Sprint(i)
	}
	makeTree(t, src, files)
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	report, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, Workers: 2, NoSync: true})
	if !errors.Is(err, syscall.ENOSPC) || report.Problems > 8 {
		t.Errorf("%d problems, %v", report.Problems, err)
	}
}

// A destination that is new is not left behind.
func TestARestoreThatFindsNoRoomLeavesNoDirectory(t *testing.T) {
	src, out := t.TempDir(), t.TempDir()
	mountKind(t, "tmpfs", out, "tmpfs", 0, "size=1m")
	makeTree(t, src, map[string]string{"a": strings.Repeat("x", 2<<20)})
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	for _, dry := range []bool{true, false} {
		_, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: filepath.Join(out, "new/er"), DryRun: dry})
		lack := (*repo.RoomError)(nil)
		if !errors.As(err, &lack) || lack.Path != out || len(namesBelow(t, out)) > 0 {
			t.Errorf("dry run %v: %v, there are %q", dry, err, namesBelow(t, out))
		}
	}
}

// Deleting extra files makes room for the restore, unless anything is missing.
func TestDeletionFirstMakesRoom(t *testing.T) {
	full := strings.Repeat("x", 1<<20)
	setUp := func(t *testing.T) (f *fixture, m *snapshot.Manifest, out string) {
		src := t.TempDir()
		out = t.TempDir()
		mountKind(t, "tmpfs", out, "tmpfs", 0, "size=1536k")
		makeTree(t, src, map[string]string{".qsnapignore": "kept\n", "a": full, "d/b": "1"})
		makeTree(t, out, map[string]string{"x/y": full, "d/z": "1", "kept": "1"})
		f = newFixture(t)
		return f, f.snapshot(repo.Paths(src), repo.SnapshotOptions{}), out
	}
	lack := (*repo.RoomError)(nil)
	t.Run("all is there", func(t *testing.T) {
		f, m, out := setUp(t)
		before := strings.Join(namesBelow(t, out), " ")
		if _, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, Delete: true}); !errors.As(err, &lack) {
			t.Errorf("deleting last: %v", err)
		}
		no := errors.New("no")
		o := repo.RestoreOptions{To: out, Delete: true, DeleteFirst: true, Confirm: func(p repo.DeletionPlan) error { return no }}
		if _, err := f.Restore(t.Context(), m, o); !errors.Is(err, no) {
			t.Errorf("not confirmed: %v", err)
		}
		o.DryRun = true
		if report, err := f.Restore(t.Context(), m, o); err != nil || report.Deleted != 3 {
			t.Errorf("dry run: %v, %+v", err, report)
		}
		if after := strings.Join(namesBelow(t, out), " "); after != before {
			t.Fatalf("there are %s, there were %s", after, before)
		}
		o.DryRun, o.Confirm, o.Verify = false, nil, true
		report := f.restore(m, o)
		if got := strings.Join(namesBelow(t, out), " "); got != ".qsnapignore a d d/b kept" || report.Deleted != 3 || report.Spared != 1 {
			t.Errorf("there are %s; %+v", got, report)
		}
	})
	t.Run("too little even so", func(t *testing.T) {
		f, m, out := setUp(t)
		must(t, os.Truncate(filepath.Join(out, "x/y"), 100<<10))
		makeTree(t, out, map[string]string{"kept": full[:600<<10]})
		before := strings.Join(namesBelow(t, out), " ")
		_, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, Delete: true, DeleteFirst: true})
		if after := strings.Join(namesBelow(t, out), " "); after != before || !errors.As(err, &lack) || !lack.Deleted {
			t.Errorf("%v; there are %s", err, after)
		}
	})
	t.Run("a pack is missing", func(t *testing.T) {
		mem, out := &targettest.Memory{}, t.TempDir()
		f := newFixtureOn(t, mem)
		tree := fstest.MapFS{"a": {Data: []byte("a"), Mode: 0o644}}
		f.snapshot(repo.FromFS(tree, "/x"), repo.SnapshotOptions{})
		before := packsOf(mem)
		tree["b"] = &fstest.MapFile{Data: []byte("b"), Mode: 0o644}
		m := f.snapshot(repo.FromFS(tree, "/x"), repo.SnapshotOptions{})
		spoilData(t, mem, before, packsOf(mem), missingPacks()["deleted"])
		f.reopen()
		makeTree(t, out, map[string]string{"extra": "live"})
		report, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, Delete: true, DeleteFirst: true})
		if got := strings.Join(namesBelow(t, out), " "); !errors.Is(err, repo.ErrDamaged) || report.Deleted != 0 || got != "a extra" {
			t.Errorf("%v; %+v; there are %s", err, report, got)
		}
	})
}
