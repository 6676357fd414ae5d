package place_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/snapshot"
)

func TestAPathOfTheSourceIsFoundInTheSnapshot(t *testing.T) {
	tree := &snapshot.Manifest{Layout: snapshot.Tree, Paths: []string{"/srv/app"}}
	single := &snapshot.Manifest{Layout: snapshot.Single, Paths: []string{"/etc/fstab"}}
	paths := &snapshot.Manifest{Layout: snapshot.Paths, Paths: []string{"/etc", "/srv/app"}}
	for _, c := range []struct {
		m              *snapshot.Manifest
		absolute, want string
		ok             bool
	}{
		{tree, "/srv/app", "", true}, {tree, "/srv/app/a/b", "a/b", true}, {tree, "/srv/app/../app/a/", "a", true},
		{tree, "/srv/apple", "", false}, {tree, "/srv", "", false},
		{single, "/etc/fstab", "fstab", true},
		{paths, "/etc/fstab", "etc/fstab", true}, {paths, "/srv/app/a", "srv/app/a", true}, {paths, "/srv", "", false},
	} {
		got, ok := place.PathIn(c.m, c.absolute)
		if got != c.want || ok != c.ok {
			t.Errorf("%v, %s: %q %v, want %q %v", c.m.Paths, c.absolute, got, ok, c.want, c.ok)
		}
	}
}

// matching returns which of some paths the patterns match.
func matching(t *testing.T, set *ignore.Set, err error, paths ...string) (out []string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if _, matched := set.Match(p, false); matched {
			out = append(out, p)
		}
	}
	return out
}

func TestAPatternIsRelativeToThePartThatIsRead(t *testing.T) {
	m := &snapshot.Manifest{Layout: snapshot.Paths, Paths: []string{"/etc", "/srv/app"}}
	for _, c := range []struct {
		part, pattern string
		want          []string
	}{
		{"", "/srv/app/a", []string{"srv/app/a"}},
		{"", "/a", []string{"etc/a", "srv/app/a"}},
		{"srv", "/srv/app/a", []string{"app/a"}},
		{"/srv/app/", "/srv/app/a", []string{"a"}},
		{"srv/app/sub", "/srv/app/sub/a", []string{"a"}},
		{"srv/app/sub", "/a", []string{"a"}},
	} {
		set, err := place.Set(m, c.part, []string{c.pattern}, "test")
		got := matching(t, set, err, "a", "app/a", "etc/a", "srv/app/a")
		if !slices.Equal(got, c.want) {
			t.Errorf("%q in %q matches %q, want %q", c.pattern, c.part, got, c.want)
		}
	}
}

func TestAPatternMayLeadThroughALinkOfThisMachine(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "real"), 0o755), os.Symlink("real", filepath.Join(dir, "link")),
		os.Symlink("loop", filepath.Join(dir, "loop")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m := &snapshot.Manifest{Layout: snapshot.Tree, Paths: []string{filepath.Join(dir, "real")}}
	set, err := place.Set(m, "", []string{filepath.ToSlash(dir) + "/link/a", filepath.ToSlash(dir) + "/loop/b"}, "test")
	if got := matching(t, set, err, "a", "b"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("matches %q", got)
	}
}

func TestAnInvalidPatternIsNamedWithWhereItWasWritten(t *testing.T) {
	_, err := place.Set(&snapshot.Manifest{Layout: snapshot.Tree}, "", []string{"a", "./b"}, "--include")
	if bad, ok := errors.AsType[*ignore.PatternError](err); !ok || bad.Source != "--include" || bad.Text != "./b" {
		t.Errorf("error is %v", err)
	}
}

func TestPatternsThatMatchedNothingAreKnown(t *testing.T) {
	patterns, err := place.ParsePatterns([]string{"a", "b", "!c"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := patterns.In(&snapshot.Manifest{Layout: snapshot.Tree, Paths: []string{"/srv"}})
	if err != nil {
		t.Fatal(err)
	}
	if !in.Match("sub/a", false) || in.Match("c", false) {
		t.Error("the patterns match wrong paths")
	}
	if got := in.Unmatched(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("unmatched are %q", got)
	}
}
