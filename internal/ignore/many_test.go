package ignore

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// manyPatterns are kinds of patterns of which people's scripts write hundreds of
// thousands.
var manyPatterns = []string{
	"name%d", "/home/u/dir%d/file", "home/u/%d/", "*.ext%d", "*-%d.log", "log-%d*", "/var/log/app-%d-*.gz", "**/a/b%d", "*part%d*", "/srv/**/x%d/*", "d%d/*", "%d/**", `\#%d`, "x?y%d[ab]",
}

func TestHundredsOfThousandsOfPatternsAreLookedUp(t *testing.T) {
	const each = 3000
	var rules []Rule
	for _, format := range manyPatterns {
		for i := range each {
			rules = append(rules, mustParse(t, fmt.Sprintf(format, i))...)
		}
	}
	var none *Set
	s := none.With("", rules)
	if n := len(s.index.globs); n > 0 {
		t.Errorf("%d globs are asked one by one", n)
	}
	for ext, ends := range s.index.ends {
		if len(ends) > fewGlobs {
			t.Errorf("%d endings with %s are asked one by one", len(ends), ext)
		}
	}
	hits := 0
	for _, format := range manyPatterns {
		for _, i := range []int{0, 7, each - 1, each, 10 * each} {
			// A path that the pattern matches, if there is one of that number.
			path := strings.NewReplacer("**", "q/r", "*", "zz", "?", "-", "[ab]", "a", `\`, "").Replace(fmt.Sprintf(format, i))
			path = strings.Trim(path, "/")
			asked := 0
			for range s.index.many.candidates(path, path[strings.LastIndexByte(path, '/')+1:]) {
				asked++
			}
			if asked > 150 {
				t.Errorf("%q: %d patterns are asked", path, asked)
			}
			rule, _ := s.Match(path, true)
			if want := lastOf(rules, path, true); (rule == nil) != (want < 0) || rule != nil && rule.String() != rules[want].String() {
				t.Errorf("%q: %v, want rule %d", path, rule, want)
			}
			if rule != nil {
				hits++
			}
		}
	}
	if hits < 3*len(manyPatterns) {
		t.Errorf("%d paths are matched", hits)
	}
}

// TestManyRandomRulesAreDecidedAsOneByOne has the look-up of many globs decide.
func TestManyRandomRulesAreDecidedAsOneByOne(t *testing.T) {
	hits := 0
	for seed := range uint64(10) {
		g := newGenerator(seed)
		var rules []Rule
		var paths []string
		for len(rules) < 3*fewGlobs {
			sc := g.scenario()
			paths = append(paths, append(sc.files, sc.dirs...)...)
			for _, content := range sc.ignore {
				rules = append(rules, readLines(t, content, "f")...)
			}
		}
		var none *Set
		s := none.With("", rules)
		for _, p := range paths {
			for _, isDir := range []bool{false, true} {
				rule, _ := s.Match(p, isDir)
				want := lastOf(rules, p, isDir)
				if (rule == nil) != (want < 0) || rule != nil && (rule.line != rules[want].line || rule.text != rules[want].text) {
					t.Fatalf("seed %d: %q (directory: %t): %v, want rule %d", seed, p, isDir, rule, want)
				}
				if rule != nil {
					hits++
				}
			}
		}
		if s.index.many == nil {
			t.Errorf("seed %d: %d globs are few", seed, len(s.index.globs))
		}
	}
	if hits < 1000 {
		t.Errorf("%d rules decided", hits)
	}
}

func TestLongPatternsAreReadInTimeByTheirLength(t *testing.T) {
	const size = 1 << 16
	for _, piece := range []string{"a", `\a`, "*a", "?", "[a]", "[[:", "[[:alpha:]", "[:a", "a/", "**/", "**/a/", "/**", `**\/`, "a**/", "*", "!", " ", `\ `, "a**/**/", "[a-"} {
		for _, begin := range []string{"", "a**/"} {
			text := begin + strings.Repeat(piece, size/len(piece)) + "]"
			start := time.Now()
			rules := readLines(t, text+"\n"+text, "f")
			if r, err := Parse(text, "--exclude"); err == nil {
				rules = append(rules, r)
			}
			if set, _, err := twoPaths.Set(rules); err == nil && set != nil {
				set.Match("srv/app/"+strings.Repeat("a/", 100), true)
				recordAgain(t, set)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%q and many %q: %v", begin, piece, took)
			}
		}
	}
}
