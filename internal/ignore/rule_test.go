package ignore

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func readLines(t testing.TB, text, source string) []Rule {
	t.Helper()
	rules, err := ParseFile(strings.NewReader(text), source)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func mustParse(t testing.TB, patterns ...string) []Rule {
	t.Helper()
	var rules []Rule
	for _, p := range patterns {
		r, err := Parse(p, "--exclude")
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	return rules
}

func TestParseRefusesWhatMatchesNothing(t *testing.T) {
	for pattern, want := range map[string]string{
		"":              "empty",
		"!":             "empty",
		"/":             "empty",
		"//":            "empty",
		"!/":            "empty",
		"a[b":           "a [ without its ]",
		"[":             "a [ without its ]",
		"[]":            "a [ without its ]",
		"[!]":           "a [ without its ]",
		"[a-":           "a [ without its ]",
		`[a\`:           "a [ without its ]",
		`[\]`:           "a [ without its ]",
		"[[:alpha:]":    "a [ without its ]",
		"x[[:letter:]]": "unknown class [:letter:]",
		"x[[::]]":       "unknown class [::]",
		`a\`:            `a lone \ at the end`,
		`\`:             `a lone \ at the end`,
		`a\/`:           `a lone \ at the end`,
		"a\x00b":        "no name has a zero byte",
		"./a":           "matches nothing",
		"!./a":          "matches nothing",
		"../a":          "matches nothing",
		".":             "matches nothing",
		"..":            "matches nothing",
		"./":            "matches nothing",
		"/./a":          "matches nothing",
		"//a":           "matches nothing",
		"a//":           "two slashes",
		"**//":          "two slashes",
	} {
		_, err := Parse(pattern, "--exclude")
		if err == nil {
			t.Errorf("%q passes", pattern)
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || !strings.HasPrefix(text, "--exclude: ") || strings.Contains(text, "\n") {
			t.Errorf("%q: %q, want %q", pattern, text, want)
		}
	}
}

func TestParseTakesPatternsAsGivenByTheShell(t *testing.T) {
	for pattern, path := range map[string]string{
		"a b":          "a b",
		"a ":           "a ", // git trims the lines of files only
		" ":            " ",
		"...":          "...",
		".x":           ".x",
		"..x/y":        "..x/y",
		"a\nb":         "a\nb",
		`\#a`:          "#a",
		"#recycle":     "#recycle",
		`\!a`:          "!a",
		"/a":           "a",
		"[!/./]x":      "ax",
		"\xef\xbb\xbf": "\xef\xbb\xbf",
		"a\r":          "a\r",
	} {
		r, err := Parse(pattern, "--exclude")
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			continue
		}
		if r.String() != pattern || r.Source() != "--exclude" {
			t.Errorf("%q: is %q of %q", pattern, r.String(), r.Source())
		}
		var s *Set
		if _, excluded := s.With("", []Rule{r}).Match(path, false); !excluded && pattern != "[!/./]x" {
			t.Errorf("%q does not match %q", pattern, path)
		}
	}
}

func TestRulesTellWhereTheyWereWritten(t *testing.T) {
	rules := readLines(t, "# rules\n\n*.o  \n!a.o\r\n[\n\\# x\n/d/", "src/.gitignore")
	var got []string
	for _, r := range rules {
		got = append(got, r.Source()+" "+r.String())
	}
	want := `src/.gitignore:3 *.o|src/.gitignore:4 !a.o|src/.gitignore:6 \# x|src/.gitignore:7 /d/`
	if strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParseFileReturnsTheErrorOfItsReader(t *testing.T) {
	broken := errors.New("broken")
	_, err := ParseFile(iotest.ErrReader(broken), "list.txt")
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "list.txt: ") {
		t.Errorf("%v", err)
	}
}
