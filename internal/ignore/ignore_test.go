package ignore

import (
	"slices"
	"strings"
	"testing"
)

// documented has what gitignore(5) and gitglossary(7) say, and what git does
// where they are silent. Paths with a slash at the end are directories.
var documented = []struct {
	name           string
	ignore         string // the root's file
	deeper         string // the file of directory sub
	excluded, kept []string
}{
	{"a name matches at any depth", "foo", "",
		[]string{"foo", "foo/", "a/foo", "a/b/foo/"}, []string{"foobar", "afoo", "a/foo.c", "Foo"}},
	{"a slash at the end asks for a directory", "foo/", "",
		[]string{"foo/", "a/foo/", "foo/x"}, []string{"foo", "a/foo"}},
	{"a slash at the beginning anchors", "/foo", "",
		[]string{"foo", "foo/x"}, []string{"a/foo", "a/b/foo/"}},
	{"a slash in the middle anchors", "doc/frotz", "",
		[]string{"doc/frotz", "doc/frotz/"}, []string{"a/doc/frotz", "doc/frotz2", "frotz", "doc/"}},
	{"a slash in the middle and at the end anchors", "doc/frotz/", "",
		[]string{"doc/frotz/"}, []string{"doc/frotz", "a/doc/frotz/"}},
	{"a slash at the beginning and at the end anchors", "/bar/", "",
		[]string{"bar/"}, []string{"bar", "a/bar/"}},
	{"an asterisk does not match a slash", "foo/*", "",
		[]string{"foo/test.json", "foo/bar/", "foo/bar/hello.c"}, []string{"foo/", "a/foo/b"}},
	{"an asterisk matches nothing, too", "a*b", "",
		[]string{"ab", "aXb", "x/a.b"}, []string{"a", "b", "abc", "a/b"}},
	{"an asterisk in the middle of a path matches one name", "a/*/b", "",
		[]string{"a/x/b", "a/x/b/c"}, []string{"a/b", "a/x/y/b"}},
	{"an asterisk matches a leading dot", "*", "",
		[]string{".hidden", "a/.hidden", "a/"}, nil},
	{"an ending", "*.tar.gz", "",
		[]string{"x.tar.gz", ".tar.gz", "a/b.c.tar.gz"}, []string{"x.gz", "x.tar.gz.asc", "tar.gz", "x.tar/y.gz"}},
	{"a question mark matches one byte", "?.c", "",
		[]string{"a.c", "\xff.c", "..c"}, []string{".c", "ab.c", "é.c"}},
	{"a question mark does not match a slash", "/a?b", "",
		[]string{"aXb"}, []string{"a/b", "ab"}},
	{"a bracket expression matches one byte of a range", "x[a-c-]", "",
		[]string{"xa", "xb", "xc", "x-"}, []string{"xd", "x", "xab", "xA"}},
	{"a bracket expression may be negated", "x[!a-c]\ny[^a]", "",
		[]string{"xd", "x!", "x]", "yb", "y\xfe"}, []string{"xa", "xb", "x", "ya"}},
	{"a bracket at the beginning of an expression is a member", "x[]]\ny[!]]", "",
		[]string{"x]", "ya"}, []string{"x", "x[", "y]"}},
	{"a bracket expression does not match a slash", "a[/x]b\nc[!x]d\ne[.-0]f", "",
		[]string{"axb", "cyd", "e.f"}, []string{"a/b", "x/axb", "c/d", "e/f"}},
	{"a range does not begin with the end of another or with a class", "x[a-c-e]\ny[a[:digit:]-c]\nz[[:digit:]-b]\nw[c-a]\nv[--/]", "",
		[]string{"xa", "x-", "xe", "ya", "y-", "yc", "y7", "z-", "zb", "wc", "v-", "v."}, []string{"xd", "yb", "za", "zA", "wa", "wb", "w-", "v/"}},
	{"a class", "[[:digit:]a]x[![:upper:]]", "",
		[]string{"1xa", "axb"}, []string{"bxa", "1xA"}},
	{"what is no class is bytes", "x[[:alpha]\ny[[:]", "",
		[]string{"x[", "x:", "xa", "xh", "y[", "y:"}, []string{"xb", "xz", "x]", "y]"}},
	{"an unknown class matches nothing", "x[[:word:]]\n!x[[:word:]a]", "", nil, []string{"xw", "x:", "xa"}},
	{"an unclosed bracket matches nothing", "a[b\n[\n[!\n[]\n[^]\n[a-\n[[:alpha:]\n[\\]", "",
		nil, []string{"a[b", "[", "[!", "[]", "[^]", "[a-", "a", "[\\]"}},
	{"a backslash takes the next byte for itself", `\*.c` + "\n" + `a\?` + "\n" + `\[b]` + "\n" + `\\` + "\n" + `\x`, "",
		[]string{"*.c", "a?", "[b]", "\\", "x"}, []string{"b.c", "ab", "b", "\\x"}},
	{"a backslash in a bracket expression", `x[\]\-\\]` + "\n" + `y[\a-\c]`, "",
		[]string{"x]", "x-", "x\\", "ya", "yb", "yc"}, []string{"x", "xa", "y-", "y\\"}},
	{"a lone backslash at the end matches nothing", "a\\\n\\", "", nil, []string{"a", "a\\", "\\"}},
	{"two asterisks and a slash match any depth", "**/foo\n**/bar/baz", "",
		[]string{"foo", "a/foo", "a/b/foo", "bar/baz", "a/b/bar/baz"}, []string{"foox", "bar", "bar/x/baz"}},
	{"a slash and two asterisks match everything beneath", "abc/**", "",
		[]string{"abc/x", "abc/x/y"}, []string{"abc/", "x/abc/", "x/abc/y"}},
	{"two asterisks between slashes match any directories", "a/**/b", "",
		[]string{"a/b", "a/x/b", "a/x/y/b"}, []string{"ab", "a/xb", "a/x/by", "x/a/b"}},
	{"other asterisks match no slash", "/a/x**b/c\n/d/**x", "",
		[]string{"a/xb/c", "a/xyb/c", "d/x", "d/yx"}, []string{"a/x/b/c", "a/xy/yb/c", "d/y/x"}},
	{"asterisks after a literal beginning cross slashes", "a/b**/c\n/d**", "",
		[]string{"a/bc", "a/bx/c", "a/b/y/c", "d/x", "dx/y/z"}, []string{"a/c", "b/c", "x/d"}},
	{"only asterisks", "a/**/**/***/b\n/c/***", "",
		[]string{"a/b", "a/x/b", "a/x/y/b", "c/x"}, []string{"a/xb", "c/"}},
	{"everything", "**", "", []string{"a", "a/b", "a/b/c/"}, nil},
	{"all directories", "**/", "", []string{"a/", "a/b"}, []string{"c"}},
	{"an escaped slash is a slash that has to be there", `a/**\/b`, "",
		[]string{"a/x/b", "a/x/y/b"}, []string{"a/b"}},
	{"the last rule decides", "*.o\n!keep.o\n*p.o", "",
		[]string{"a.o", "keep.o", "x/a.o"}, []string{"keep.oo"}},
	{"a negation brings back", "*.o\n!keep.o\n!/x/*.o", "",
		[]string{"a.o", "y/a.o"}, []string{"keep.o", "y/keep.o", "x/a.o"}},
	{"a negation does not bring back what is in an excluded directory", "build\n!build/keep\n!keep", "",
		[]string{"build/", "build/keep", "build/x/keep"}, []string{"keep"}},
	{"all but one directory", "/*\n!/foo\n/foo/*\n!/foo/bar", "",
		[]string{"x", "y/", "foo/x", "y/foo"}, []string{"foo/", "foo/bar/", "foo/bar/x"}},
	{"a negation of directories only", "*\n!*/\n!*.txt", "",
		[]string{"a", "x/b.c"}, []string{"x/", "x/a.txt", "x/y/"}},
	{"two exclamation marks", "!!a\n!b\n\\!c\nd!", "", []string{"!c", "d!"}, []string{"!a", "a", "b", "c"}},
	{"blank lines and comments", "\n   \n#a\n \\#b\n\\#c\n #d\n\t", "",
		[]string{"#c", " #d", " #b", "\t"}, []string{"#a", "a", "#b", "#d", " "}},
	{"spaces at the end", "a  \nb\\ \nc\\  \nd \\ \ne\\\\  \n f", "",
		[]string{"a", "b ", "c ", "d  ", "e\\", " f"}, []string{"a ", "a  ", "b", "b  ", "c", "d", "e", "e\\ ", "f"}},
	{"only spaces are trimmed", "a\t\nb \t", "", []string{"a\t", "b \t"}, []string{"a", "b", "b "}},
	{"lines may end in CR LF", "a\r\nb \r\nc\r\r\n\r\nd\r", "",
		[]string{"a", "b", "c\r", "d"}, []string{"a\r", "b ", "c", "d\r", "\r"}},
	{"a byte order mark at the beginning", "\xef\xbb\xbf#a\n\xef\xbb\xbfb", "",
		[]string{"\xef\xbb\xbfb"}, []string{"#a", "b", "\xef\xbb\xbf#a"}},
	{"a zero byte ends a line's pattern", "a\x00b\nc \x00\n\x00d", "", []string{"a", "c"}, []string{"b", "ab", "d", "c "}},
	{"the last line needs no line feed", "a\nb", "", []string{"a", "b"}, nil},
	{"slashes alone", "/\n//\n!/", "", nil, []string{"a", "b/"}},
	{"names that no path has", "./a\nb/../c\nd//e\nf//\n**//\n/**//", "", nil, []string{"a", "a/", "c", "b/c", "d/e", "f/"}},
	{"names are bytes", "\xff*\n[\x80-\x8f]", "", []string{"\xff", "\xffa", "\x85"}, []string{"\xfe", "\x90", "\u00ff"}},
	{"case matters", "abc\n*.C\nx[a-z]", "", []string{"abc", "a.C", "xq"}, []string{"ABC", "a.c", "xQ"}},
	{"the deeper file decides", "*.o\n!*.x", "!a.o\n*.x",
		[]string{"a.o", "sub/b.o", "sub/a.x"}, []string{"sub/a.o", "sub/y/a.o", "a.x"}},
	{"a deeper file is anchored in its directory", "", "/foo\nbar/baz\nqux",
		[]string{"sub/foo", "sub/bar/baz", "sub/x/qux"}, []string{"foo", "sub/x/foo", "bar/baz", "qux", "sub/sub/foo"}},
	{"a deeper file does not decide about its directory", "", "sub\n*\n/\n/**",
		[]string{"sub/sub", "sub/x"}, []string{"sub/", "x", "subx"}},
	{"a file in an excluded directory is not asked", "sub", "!*", []string{"sub/", "sub/x"}, nil},
}

// tree returns the scenario of a case of documented, and which paths are excluded.
func tree(ignore, deeper string, excluded, kept []string) (scenario, map[string]bool) {
	s := scenario{ignore: map[string]string{"": ignore}}
	if deeper != "" {
		s.ignore["sub"] = deeper
	}
	want := map[string]bool{}
	for _, p := range slices.Concat(excluded, kept) {
		name, isDir := strings.CutSuffix(p, "/")
		if isDir {
			s.dirs = append(s.dirs, name)
		} else {
			s.files = append(s.files, name)
		}
		want[p] = slices.Contains(excluded, p)
	}
	return s, want
}

func TestPatternsMeanWhatGitDocuments(t *testing.T) {
	for _, c := range documented {
		// Each path for itself, since one that is a file here is a directory there.
		_, all := tree(c.ignore, c.deeper, c.excluded, c.kept)
		for p, want := range all {
			s, _ := tree(c.ignore, c.deeper, []string{p}, nil)
			w := walker{s, map[string]*Set{}}
			name, isDir := strings.CutSuffix(p, "/")
			got, err := w.decide(name, isDir)
			if err != nil {
				t.Fatal(err)
			}
			if got.excluded != want {
				t.Errorf("%s: %q: %q is %v, want excluded %t", c.name, c.ignore, p, got, want)
			}
		}
	}
}

func TestDocumentedPatternsAreDecidedAsByGit(t *testing.T) {
	g := newGitTree(t)
	for _, c := range documented {
		s, _ := tree(c.ignore, c.deeper, c.excluded, c.kept)
		_, _, differences, err := g.compare(s)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, d := range differences {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestClassesAreThoseOfGit(t *testing.T) {
	g := newGitTree(t)
	var s scenario
	for b := 1; b < 256; b++ {
		if b != '/' {
			s.files = append(s.files, "x"+string([]byte{byte(b)}))
		}
	}
	for class := range classes {
		s.ignore = map[string]string{"": "x[[:" + class + ":]]"}
		_, ruled, differences, err := g.compare(s)
		if err != nil {
			t.Fatal(err)
		}
		if ruled == 0 || len(differences) > 0 {
			t.Errorf("[:%s:] matches %d bytes; differences: %q", class, ruled, differences)
		}
	}
}
