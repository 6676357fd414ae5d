package ignore

import (
	"fmt"
	"strings"
	"testing"
)

// recordAgain returns the set that the records of s make up.
func recordAgain(t testing.TB, s *Set) *Set {
	t.Helper()
	again, err := Recorded(s.Records())
	if err != nil {
		t.Fatalf("records %q: %v", s.Records(), err)
	}
	return again
}

// sameDecisions compares sets for paths, each as a file and as a directory. It
// returns how often a rule of s decides.
func sameDecisions(t testing.TB, s, again *Set, paths []string) (ruled int) {
	t.Helper()
	for _, p := range paths {
		for _, isDir := range []bool{false, true} {
			rule, excluded := s.Match(p, isDir)
			other, excludedAgain := again.Match(p, isDir)
			if rule != nil {
				ruled++
			}
			if excluded != excludedAgain || (rule == nil) != (other == nil) || rule != nil && rule.Source() != other.Source() {
				t.Fatalf("%q (directory: %t): excluded %t by %v, as recorded %t by %v; records %q", p, isDir, excluded, rule, excludedAgain, other, again.Records())
			}
		}
	}
	return ruled
}

func TestRecordsDecideAsTheirSetDoes(t *testing.T) {
	ruled := 0
	for seed := range uint64(1000) {
		g := newGenerator(seed)
		sc := g.scenario()
		var s *Set
		for dir, content := range sc.ignore {
			s = s.With(dir, readLines(t, content, dir+"/.gitignore"))
		}
		var flags []Rule
		for range g.IntN(4) {
			if r, err := Parse(g.line(append(sc.files, sc.dirs...)), "--exclude"); err == nil {
				flags = append(flags, r)
			}
		}
		s = s.With("", flags)
		again := recordAgain(t, s)
		ruled += sameDecisions(t, s, again, append(sc.files, sc.dirs...))
		sameDecisions(t, again, recordAgain(t, again), sc.files)
	}
	if ruled < 3000 {
		t.Errorf("rules decided %d times", ruled)
	}
}

func TestRecordsKeepWhatAPatternSays(t *testing.T) {
	for _, c := range []struct{ dir, pattern, want string }{
		{"", "a ", "a "},
		{"", "!/a/", "!/a/"},
		{"", `\#a`, `\#a`},
		{"d", "a", "/d/**/a"},
		{"d", "!a/", "!/d/**/a/"},
		{"d", "/a", "/d/a"},
		{"d/e", "a/*", "/d/e/a/*"},
		{`[x]*?\`, "/a", `/\[x]\*\?\\/a`},
		{"d", "/a**/b", "/d/ab /d/a*/**/b"},
		{"d", "/a**", "/d/a* /d/a*/**"},
		{"d", `/a**\/b`, "/d/a*/**/b"},
		{"d", "a**/**/***/b", "/d/ab /d/a*/**/b"},
		{"d", "/**/a/b", "/d/**/a/b"},
		{"d", "/a**/b**/c", "/d/ab*/c /d/a*/**/b**/c"},
	} {
		var s *Set
		var got []string
		for _, r := range s.With(c.dir, mustParse(t, c.pattern)).Records() {
			got = append(got, r.Text)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q in %q: %q, want %q", c.pattern, c.dir, got, c.want)
		}
	}
}

func TestRecordedNamesWhatIsNoPattern(t *testing.T) {
	_, err := Recorded([]Record{{"--exclude", "a"}, {"ex.txt:3", "a["}})
	if err == nil || !strings.HasPrefix(err.Error(), `ex.txt:3: pattern "a["`) {
		t.Errorf("%v", err)
	}
	if s, err := Recorded(nil); s != nil || err != nil {
		t.Errorf("of nothing: %v, %v", s, err)
	}
}

// FuzzRecords checks that a set of an ignore file, in a directory of any name, and
// of flags is recorded as what it is.
func FuzzRecords(f *testing.F) {
	for i, c := range documented {
		f.Add(c.ignore, c.deeper, fmt.Sprintf("a%d", i), strings.Join(append(c.excluded, c.kept...), "\n"))
	}
	f.Add("a", "/a**/b\nc**", "x[", "ab\na/b\nax/b\ncc/d")
	f.Fuzz(func(t *testing.T, root, deeper, dir, paths string) {
		if len(root)+len(deeper)+len(paths) > 10_000 || !isTestable(dir) {
			t.Skip()
		}
		var s *Set
		s = s.With(dir, readLines(t, deeper, "f")).With("", readLines(t, root, "g"))
		for p := range strings.SplitSeq(deeper, "\n") {
			if r, err := Parse(p, "--exclude"); err == nil {
				s = s.With("", []Rule{r})
			}
		}
		again := recordAgain(t, s)
		for p := range strings.SplitSeq(paths, "\n") {
			if isTestable(p) {
				sameDecisions(t, s, again, []string{p, dir + "/" + p})
			}
		}
	})
}
