package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// patternTree is what the patterns of the table are tried on, below some directory. There,
// "link" leads to a, and a/in to a/sub.
var patternTree = []string{
	"a/keep", "a/cache/f", "a/sub/cache/f", "a/sub/deep/er/f.o", "a/x,y", "a/ sp ", `a/q"uo'te`, "a/new\nline", "a/*", "a/\\",
	"b/keep", "b/cache/f",
}

// A patternForm is a way to write patterns, and the files that are meant by it.
type patternForm struct {
	text   string // % is the directory above the tree, ~ its home directory
	file   string // as it is written in a file of patterns, where that isn't the same
	noFile bool   // it can't be written there
	one    string // the files that it means in a, separated by "|"
	two    string // those that it means in a and b, where these aren't the same
}

var patternForms = []patternForm{
	// Whole paths.
	{text: "%/a/cache", one: "a/cache/f"},
	{text: "%/a/cache/", one: "a/cache/f"},
	{text: "%/a/cache/f", one: "a/cache/f"},
	{text: "%/a/*/cache", one: "a/sub/cache/f"},
	{text: "%/a/**/f", one: "a/cache/f|a/sub/cache/f"},
	{text: "%/*/keep", one: "a/keep", two: "a/keep|b/keep"},
	{text: "%/b/cache", one: "", two: "b/cache/f"},
	{text: "%/a/keep/", one: ""}, // no directory
	{text: "~/a/cache", one: "a/cache/f"},
	{text: "~/a/*/cache/", one: "a/sub/cache/f"},
	{text: "/nowhere/keep", one: ""},
	{text: "~/nowhere", one: ""},
	// Links on the way.
	{text: "%/link/cache", one: "a/cache/f"},
	{text: "%/link/cache/", one: "a/cache/f"},
	{text: "%/link/*/cache", one: "a/sub/cache/f"},
	{text: "%/a/in/cache", one: "a/sub/cache/f"},
	{text: "%/link/in/cache/f", one: "a/sub/cache/f"},
	{text: "~/link/keep", one: "a/keep"},
	// Anchored, and not.
	{text: "/cache", one: "a/cache/f", two: "a/cache/f|b/cache/f"},
	{text: "/cache/", one: "a/cache/f", two: "a/cache/f|b/cache/f"},
	{text: "/keep/", one: ""},
	{text: "sub/cache", one: "a/sub/cache/f"},
	{text: "cache", one: "a/cache/f|a/sub/cache/f", two: "a/cache/f|a/sub/cache/f|b/cache/f"},
	{text: "cache/", one: "a/cache/f|a/sub/cache/f", two: "a/cache/f|a/sub/cache/f|b/cache/f"},
	{text: "keep/", one: ""},
	{text: "KEEP", one: ""},
	{text: "*.o", one: "a/sub/deep/er/f.o"},
	{text: "**/er", one: "a/sub/deep/er/f.o"},
	{text: "sub/**/f", one: "a/sub/cache/f"},
	{text: "/sub/**", one: "a/sub/cache/f|a/sub/deep/er/f.o"},
	{text: "[j-k]eep", one: "a/keep", two: "a/keep|b/keep"},
	// Characters that mean something elsewhere.
	{text: "x,y", one: "a/x,y"},
	{text: "x", one: ""},
	{text: " sp ", file: ` sp\ `, one: "a/ sp "},
	{text: "sp", one: ""},
	{text: `q"uo'te`, one: `a/q"uo'te`},
	{text: `"keep"`, one: ""},
	{text: "%/a/q\"uo'te", one: `a/q"uo'te`},
	{text: "new\nline", noFile: true, one: "a/new\nline"},
	{text: "new?line", one: "a/new\nline"},
	{text: "%/a/x,y", one: "a/x,y"},
	{text: `\*`, one: "a/*"},
	{text: `%/a/\*`, one: "a/*"},
	{text: `\\`, one: `a/\`},
	// Names that may lie beside files of patterns.
	{text: "/cache", file: "\ufeff/cache\r\n", one: "a/cache/f", two: "a/cache/f|b/cache/f"},
	{text: "sub", file: "# a comment\r\n\r\nsub  \r\n", one: "a/sub/cache/f|a/sub/deep/er/f.o"},
	{text: "x,y", file: "x,y   ", one: "a/x,y"},
}

// singleForms are those for a snapshot of the single file a/keep. "one" is whether it is
// meant.
var singleForms = []patternForm{
	{text: "keep", one: "a/keep"},
	{text: "/keep", one: "a/keep"},
	{text: "k*", one: "a/keep"},
	{text: "**/keep", one: "a/keep"},
	{text: "%/a/keep", one: "a/keep"},
	{text: "%/*/keep", one: "a/keep"},
	{text: "%/link/keep", one: "a/keep"},
	{text: "~/a/keep", one: "a/keep"},
	{text: "~/link/k?ep", one: "a/keep"},
	{text: "keep/", one: ""},
	{text: "%/a/keep/", one: ""},
	{text: "%/b/keep", one: ""},
	{text: "/nowhere/keep", one: ""},
	{text: "a/keep", one: ""},
	{text: "k,e", one: ""},
	{text: "keep ", file: `keep\ `, one: ""},
}

// A patternUse is one use of patterns on a snapshot of all files.
type patternUse struct {
	t       *testing.T
	f       *fixture
	paths   []string // the source
	m       *snapshot.Manifest
	prefix  string // of the paths in the snapshot, to be replaced by "a/" or nothing
	pattern string
	file    string
}

// A patternUser takes patterns. It returns the files that these mean.
type patternUser struct {
	name    string
	takes   bool // it takes a snapshot, so that what was named can't be meant
	matches func(p *patternUse) (files []string)
}

var patternUsers = []patternUser{
	{"snapshot --exclude", true, func(p *patternUse) []string {
		return p.leftOut(p.f.snapshot(repo.Paths(p.paths...), repo.SnapshotOptions{Exclude: []string{p.pattern}}))
	}},
	{"snapshot --exclude-file", true, func(p *patternUse) []string {
		rules, err := repo.ParseRules(strings.NewReader(p.file), "ex.txt")
		if err != nil {
			p.t.Error(err)
		}
		return p.leftOut(p.f.snapshot(repo.Paths(p.paths...), repo.SnapshotOptions{ExcludeRules: rules}))
	}},
	{"restore --include", false, func(p *patternUse) []string {
		return p.restored(repo.RestoreOptions{Include: []string{p.pattern}})
	}},
	{"restore --exclude", false, func(p *patternUse) []string {
		return p.rest(p.restored(repo.RestoreOptions{Exclude: []string{p.pattern}}))
	}},
	{"rewrite --exclude", false, func(p *patternUse) []string {
		m, err := p.f.Maintenance().Rewrite(p.t.Context(), p.m.ID, repo.RewriteOptions{Exclude: []string{p.pattern}})
		if err != nil {
			p.t.Error(err)
			return nil
		}
		return p.leftOut(m)
	}},
	{"find", false, func(p *patternUse) (found []string) {
		patterns, err := repo.ParsePatterns([]string{p.pattern})
		if err == nil {
			patterns, err = patterns.In(p.m)
		}
		if err != nil {
			p.t.Error(err)
		}
		below := "\x00" // a directory that is found is all in it
		for _, e := range p.f.entries(p.m) {
			in := strings.HasPrefix(e.path, below+"/")
			if !in && patterns.Match(e.path, e.Type == snapshot.Dir) {
				below, in = e.path, true
			}
			if in && e.Type == snapshot.File {
				found = append(found, p.short(e.path))
			}
		}
		return found
	}},
}

// short returns a path in the snapshot as one below the tree's directory.
func (p *patternUse) short(path string) string {
	if p.prefix == "" {
		return "a/" + path
	}
	return strings.TrimPrefix(path, p.prefix)
}

func (p *patternUse) files(m *snapshot.Manifest) (files []string) {
	for _, e := range p.f.entries(m) {
		if e.Type == snapshot.File {
			files = append(files, p.short(e.path))
		}
	}
	return files
}

// rest returns the files that aren't these.
func (p *patternUse) rest(files []string) []string {
	return slices.DeleteFunc(p.files(p.m), func(f string) bool { return slices.Contains(files, f) })
}

func (p *patternUse) leftOut(m *snapshot.Manifest) []string { return p.rest(p.files(m)) }

// restored returns the files that would be restored.
func (p *patternUse) restored(o repo.RestoreOptions) (files []string) {
	o.To, o.DryRun, o.Actions = filepath.Join(p.t.TempDir(), "out"), true, true
	o.Progress = func(u repo.RestoreProgress) {
		if u.Action == "create" && u.Entry.Type == snapshot.File {
			files = append(files, p.short(u.Path))
		}
	}
	_, err := p.f.Restore(p.t.Context(), p.m, o)
	var nothing *repo.IncompleteError
	if err != nil && (!errors.As(err, &nothing) || len(nothing.Unmatched) == 0) {
		p.t.Error(err)
	}
	return files
}

// All that takes patterns means the same by them, however they are written, and they go on
// meaning it when a path is added or the source is reached through a link.
func TestPatternsMeanTheSameToAllThatTakeThem(t *testing.T) {
	top := memoryDir(t)
	t.Setenv("TMPDIR", memoryDir(t))
	for _, name := range patternTree {
		p := filepath.Join(top, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(name), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("a", filepath.Join(top, "link")), os.Symlink("sub", filepath.Join(top, "a/in"))); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", top)
	for _, c := range []struct {
		name  string
		paths []string
		two   bool
		forms []patternForm
	}{
		{"a directory", []string{"a"}, false, patternForms},
		{"two directories", []string{"a", "b"}, true, patternForms},
		{"a link", []string{"link"}, false, patternForms},
		{"a file", []string{"a/keep"}, false, singleForms},
		{"a file behind a link", []string{"link/keep"}, false, singleForms},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &patternUse{t: t, f: newFixture(t)}
			for _, path := range c.paths {
				p.paths = append(p.paths, filepath.Join(top, path))
			}
			if c.two {
				p.prefix = strings.TrimPrefix(top, "/") + "/"
			}
			p.m = p.f.snapshot(repo.Paths(p.paths...), repo.SnapshotOptions{})
			for _, form := range c.forms {
				p.try(t, top, form, c.two, c.forms[0].text == singleForms[0].text)
			}
		})
	}
}

// try tries one form on all users.
func (p *patternUse) try(t *testing.T, top string, form patternForm, two, single bool) {
	p.pattern = strings.ReplaceAll(form.text, "%", top)
	if p.file = strings.ReplaceAll(form.file, "%", top); p.file == "" {
		p.file = p.pattern
	}
	want := form.one
	if two && form.two != "" {
		want = form.two
	}
	for _, u := range patternUsers {
		if u.takes && single || form.noFile && strings.HasSuffix(u.name, "-file") {
			continue
		}
		got := u.matches(p)
		slices.Sort(got)
		if have := strings.Join(got, "|"); have != want {
			t.Errorf("%s %q means %q, want %q", u.name, form.text, have, want)
		}
	}
}
