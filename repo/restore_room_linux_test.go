package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
)

// What is known to find no room is not begun; what may find some is.
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

// A destination that is new is not left behind.
func TestARestoreThatFindsNoRoomLeavesNoDirectory(t *testing.T) {
	src, out := t.TempDir(), t.TempDir()
	mountKind(t, "tmpfs", out, "tmpfs", 0, "size=1m")
	makeTree(t, src, map[string]string{"a": strings.Repeat("x", 2<<20)})
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	for _, dry := range []bool{true, false} {
		_, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: filepath.Join(out, "new"), DryRun: dry})
		lack := (*repo.RoomError)(nil)
		if !errors.As(err, &lack) || lack.Path != out || len(namesBelow(t, out)) > 0 {
			t.Errorf("dry run %v: %v, there are %q", dry, err, namesBelow(t, out))
		}
	}
}
