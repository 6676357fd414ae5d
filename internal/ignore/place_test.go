package ignore

import (
	"fmt"
	"strings"
	"testing"
)

// links follows links of a made-up file system.
func links(of map[string]string) func(string) string {
	return func(path string) string {
		for range 10 {
			for link, to := range of {
				if path == link || strings.HasPrefix(path, link+"/") {
					path = to + path[len(link):]
				}
			}
		}
		return path
	}
}

// The places of the table below.
var (
	oneTree  = &Place{Roots: []Root{{Paths: []string{"/srv/app"}}}, Home: "/srv/app/me"}
	twoPaths = &Place{Roots: []Root{{Paths: []string{"/srv/app"}, At: "srv/app"}, {Paths: []string{"/home/al"}, At: "home/al"}}, Home: "/home/al",
		Named: []string{"srv/app", "home/al"}}
	theRoot = &Place{Roots: []Root{{Paths: []string{"/"}}}, Home: "/root"}
	oneFile = &Place{Roots: []Root{{Paths: []string{"/etc"}}}, Named: []string{"hosts"}}
	oddName = &Place{Roots: []Root{{Paths: []string{"/w/a[1]*"}}}}
	linked  = &Place{Roots: []Root{{Paths: []string{"/w/link", "/real/tree"}}}, Home: "/w/link",
		Links: links(map[string]string{"/w/link": "/real/tree", "/other": "/real/tree/sub", "/real/tree/in": "/real/tree/dir"})}
	restored = &Place{Roots: twoPaths.Roots, Ways: true, Whole: "/*"}
	allOfIt  = &Place{Roots: oneTree.Roots, Whole: "/*"}
	windows  = &Place{Roots: []Root{{Paths: []string{"C:/Users/al"}, At: "C:/Users/al"}}, Home: "C:/Users/al"}
)

func TestPatternsMeanInATreeWhatTheirWriterMeans(t *testing.T) {
	for _, c := range []struct {
		place         *Place
		pattern, want string
	}{
		// Names mean any depth; what is anchored is so in each root.
		{oneTree, "*.o", "*.o"},
		{oneTree, "/cache", "/cache"},
		{oneTree, "a/b", "a/b"},
		{twoPaths, "*.o", "*.o"},
		{twoPaths, "!cache/", "!cache/"},
		{twoPaths, "/cache", "/srv/app/cache /home/al/cache"},
		{twoPaths, "!/cache/", "!/srv/app/cache/ !/home/al/cache/"},
		{twoPaths, "a/*", "/srv/app/a/* /home/al/a/*"},
		{twoPaths, "**/x", "/srv/app/**/x /home/al/**/x"},
		{twoPaths, "/*", "/srv/app/* /home/al/*"},

		// Whole paths.
		{oneTree, "/srv/app/cache", "/cache"},
		{oneTree, "!/srv/app/cache/", "!/cache/"},
		{oneTree, "/srv/app/*.o", "/*.o"},
		{oneTree, "/srv/*/cache", "/cache"},
		{oneTree, "/srv/**/cache", "/**/cache"},
		{oneTree, "/srv/**/app/x", "/**/app/x /x"},
		{oneTree, "/srv/**", "/**"},
		{oneTree, "/srv/app//x/./y/../z", "/x/z"},
		{oneTree, `/srv/\app/x`, "/x"},
		{oneTree, "/srv/application", "/srv/application"},
		{oneTree, "/srv", "/srv"},
		{oneTree, "/srv/*", "error"},
		{oneTree, "/*/app/x", "/*/app/x"},
		{oneTree, "/**/app/x", "/**/app/x"},
		{oneTree, "/srv/app", "error"},
		{oneTree, "/srv/app/", "error"},
		{oneTree, "!/srv/app", ""},
		{twoPaths, "/srv/app/cache", "/srv/app/cache"},
		{twoPaths, "/home/*/.cache", "/home/al/.cache"},
		{twoPaths, "/home", "/srv/app/home /home/al/home"},
		{twoPaths, "/home/al", "/home/al"},
		{theRoot, "/proc", "/proc"},
		{theRoot, "/var/*/x", "/var/*/x"},
		{theRoot, "/*/x", "/*/x"},
		{oneFile, "/etc/hosts", "/hosts"},
		{oddName, "/w/a[1]*/x", "/x"},
		{oddName, `/w/a\[1]\*/x`, "/x"},
		{oddName, "/w/a1/x", "/w/a1/x"},
		{windows, "C:/Users/al/x", "/C:/Users/al/x"},
		{windows, "c:/Users/al/x", "/C:/Users/al/x"},
		{windows, "~/x", "/C:/Users/al/x"},

		// What no path in a tree is.
		{oneTree, "a//b", "error"},
		{oneTree, "a/../b", "error"},
		{oneTree, "/x/./b", "error"},
		{oneTree, "/[/./]x", "/[/./]x"},

		// The home directory.
		{oneTree, "~/x", "/me/x"},
		{oneTree, "!~/x/", "!/me/x/"},
		{twoPaths, "~/.cache/*", "/home/al/.cache/*"},
		{theRoot, "~/x", "/root/x"},
		{oneFile, "~/x", "~/x"},
		{oneTree, "~", "~"},
		{oneTree, `\~/x`, `\~/x`},

		// Through links, the tree's own name and those within it.
		{linked, "/w/link/x", "/x"},
		{linked, "/real/tree/x", "/x"},
		{linked, "/other/x", "/sub/x"},
		{linked, "/other/*.o", "/sub/*.o"},
		{linked, "/other", "/sub"},
		{linked, "/other/", "/sub/"},
		{linked, "!/other/x/**", "!/sub/x/**"},
		{linked, "/real/tree/in", "/in"},
		{linked, "/real/tree/in/", "/in/ /dir/"},
		{linked, "/real/tree/in/x", "/in/x /dir/x"},
		{linked, "~/x", "/x"},
		{linked, "/elsewhere/x", "/elsewhere/x"},

		// What restores, rewriting and searching add.
		{restored, "/home", "/home"},
		{restored, "/srv/a*", "/srv/app"},
		{restored, "/*", "/srv/app/* /home/al/*"},
		{restored, "/srv/app", "/srv/app"},
		{restored, "/etc", "/srv/app/etc /home/al/etc"},
		{allOfIt, "/srv/app", "/*"},
		{allOfIt, "!/srv/app/", "!/*"},
	} {
		got := "error"
		if texts, _, err := c.place.place(c.pattern, true); err == nil {
			got = strings.Join(texts, " ")
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.pattern, got, c.want)
		}
	}
}

// placed returns the set of patterns in a place.
func placed(t testing.TB, p *Place, patterns ...string) (*Set, []Kept, error) {
	t.Helper()
	return p.Set(mustParse(t, patterns...))
}

// ways returns the directories that the paths are in.
func ways(paths []string) (out []string) {
	for _, p := range paths {
		for p = parent(p); p != ""; p = parent(p) {
			out = append(out, p)
		}
	}
	return out
}

func TestWhatWasNamedIsExcludedByItsWholePathOnly(t *testing.T) {
	for _, c := range []struct {
		place    *Place
		patterns string // separated by spaces
		excluded string
		kept     string
	}{
		{twoPaths, "app", "", "srv/app"},
		{twoPaths, "srv home", "", ""},
		{twoPaths, "*", "", "srv/app home/al"},
		{twoPaths, "a*/", "", "srv/app home/al"},
		{twoPaths, "/srv/app", "srv/app", ""},
		{twoPaths, "/srv/app/", "srv/app", ""},
		{twoPaths, "/srv/a*", "srv/app", ""},
		{twoPaths, "* /home/al", "home/al", "srv/app"},
		{twoPaths, "/home/al !/home/al", "", ""},
		{twoPaths, "/home/al *", "home/al", "srv/app"},
		{oneFile, "*", "", "hosts"},
	} {
		set, kept, err := placed(t, c.place, strings.Fields(c.patterns)...)
		if err != nil {
			t.Errorf("%q: %v", c.patterns, err)
			continue
		}
		var excluded, names []string
		for _, p := range append(ways(c.place.Named), c.place.Named...) {
			for _, isDir := range []bool{true, false} {
				if _, is := set.Match(p, isDir); is && isDir {
					excluded = append(excluded, p)
				}
			}
		}
		for _, k := range kept {
			names = append(names, k.Path)
		}
		if strings.Join(excluded, " ") != c.excluded || strings.Join(names, " ") != c.kept {
			t.Errorf("%q: excluded %q, kept %q, want %q and %q", c.patterns, excluded, names, c.excluded, c.kept)
		}
		sameDecisions(t, set, recordAgain(t, set), []string{"srv", "srv/app", "srv/app/x", "home", "home/al", "home/al/app", "hosts"})
	}
	for _, patterns := range [][]string{{"/srv/app", "/home/al"}, {"/home/*", "/srv/*"}} {
		if set, _, err := placed(t, twoPaths, patterns...); err == nil || !strings.Contains(err.Error(), "nothing would be left") {
			t.Errorf("%q: %v, %v", patterns, set, err)
		}
	}
	if _, _, err := placed(t, oneFile, "/etc/hosts"); err == nil {
		t.Error("the only file that was named can be excluded")
	}
}

func TestAPatternsMeetingIsToldWhateverDecides(t *testing.T) {
	for _, c := range []struct{ patterns, paths, want string }{
		{"a b", "a", "b"},
		{"*.o a.o", "a.o", ""}, // a.o decides; *.o matches, too
		{"x !x x", "x", ""},
		{"/a/b /a", "a", ""}, // what is in a is not looked at
		{"/a/b !/a", "a", "/a/b"},
		{"*.a *.b", "x.b", "*.a"},
		{"/srv/app/x", "x", ""},
		{"d/", "d", "d/"}, // a file
		{"d/ d", "d", "d/"},
		{"d/", "d/", ""},
		{"/q*z/**/w !*.k", "qz/w x", "!*.k"},
		{"a a a", "b", "a"},
	} {
		set, _, err := placed(t, oneTree, strings.Fields(c.patterns)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range strings.Fields(c.paths) {
			name, isDir := strings.CutSuffix(p, "/")
			set.Match(name, isDir)
		}
		var got []string
		for _, r := range set.Unmatched() {
			got = append(got, r.Text)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q with %q: %q is unmatched, want %q", c.patterns, c.paths, got, c.want)
		}
	}
	var none *Set
	if got := none.With("", mustParse(t, "a")).Unmatched(); got != nil {
		t.Errorf("rules that were not placed are told of: %q", got)
	}
}

func TestWholePathsInIgnoreFilesAreMisplaced(t *testing.T) {
	names := []string{"cache", "srv2"}
	for _, c := range []struct {
		place        *Place
		dir, pattern string
		write        string
		misplaced    bool
	}{
		{place: oneTree, pattern: "/srv/app/cache", write: "/cache", misplaced: true},
		{place: oneTree, pattern: "!/srv/app/cache/", write: "/cache/", misplaced: true},
		{place: oneTree, dir: "sub", pattern: "/srv/app/sub/cache/*.o", write: "/cache/*.o", misplaced: true},
		{place: oneTree, dir: "sub", pattern: "/srv/app/other", misplaced: true},
		{place: twoPaths, dir: "home/al", pattern: "/home/al/cache", write: "/cache", misplaced: true},
		{place: twoPaths, dir: "home/al", pattern: "~/cache", write: "/cache", misplaced: true},
		{place: linked, pattern: "/real/tree/cache", write: "/cache", misplaced: true},
		{place: oneTree, pattern: "~/cache", misplaced: true},
		{place: oneFile, pattern: "~/x", misplaced: true},
		// These are what they seem, or no harm.
		{place: oneTree, pattern: "/cache"},
		{place: oneTree, pattern: "/srv"},
		{place: oneTree, pattern: "/srv/app"},
		{place: oneTree, pattern: "srv/app/cache"},
		{place: &Place{Roots: []Root{{Paths: []string{"/cache"}}}}, pattern: "/cache/assets"},
		{place: theRoot, dir: "usr", pattern: "/lib/x"},
		{place: theRoot, dir: "usr", pattern: "/usr/cache", write: "/cache", misplaced: true},
		{place: theRoot, pattern: "/etc/x"},
	} {
		r := readLines(t, c.pattern, ".qsnapignore")[0]
		if write, misplaced := c.place.Misplaced(&r, c.dir, names); write != c.write || misplaced != c.misplaced {
			t.Errorf("%q in %q: %q, %t; want %q, %t", c.pattern, c.dir, write, misplaced, c.write, c.misplaced)
		}
	}
}

// FuzzPlace checks that a literal path below a root, written in full, means that path
// alone, and that any pattern becomes a set that is recorded as it is.
func FuzzPlace(f *testing.F) {
	f.Add("/srv/app", "srv/app", "a[1]*", "/srv/**/x")
	f.Add("/", "", "x", "~/y")
	f.Add(`/we[i]rd/*`, `we[i]rd/*`, `\`, "/a**/b")
	f.Fuzz(func(t *testing.T, root, at, path, pattern string) {
		if !strings.HasPrefix(root, "/") || root != "/" && !isTestable(root[1:]) || at != "" && !isTestable(at) || !isTestable(path) || len(pattern) > 5000 {
			t.Skip()
		}
		if strings.ContainsAny(root, special) != strings.ContainsAny(path, special) && strings.Contains(path, "/") {
			t.Skip()
		}
		p := &Place{Roots: []Root{{Paths: []string{root}, At: at}}, Home: "/home/x", Whole: "/*"}
		set, _, err := placed(t, p, escape(strings.TrimSuffix(root, "/")+"/"+path))
		if err != nil {
			t.Fatal(err)
		}
		full := strings.TrimPrefix(at+"/"+path, "/")
		for name, want := range map[string]bool{full: true, full + "x": false, at + "/y/" + path: false} {
			if _, excluded := set.Match(name, false); excluded != want {
				t.Errorf("%q of %q in %q: %q is excluded: %t", path, root, at, name, excluded)
			}
		}
		r, err := Parse(pattern, "--exclude")
		if err != nil {
			return
		}
		if set, _, err = p.Set([]Rule{r}); err == nil {
			sameDecisions(t, set, recordAgain(t, set), []string{full, path, at, fmt.Sprint(at, "/x")})
		}
	})
}
