package ignore

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func ExampleSet_Match() {
	var s *Set
	root, _ := ParseFile(strings.NewReader("*.log\n/build/\n"), ".gitignore")
	s = s.With("", root)
	src, _ := ParseFile(strings.NewReader("# kept\n!important.log\n"), "src/.gitignore")
	s = s.With("src", src)
	for _, p := range []string{"src/a.log", "src/important.log", "src/main.go"} {
		if rule, excluded := s.Match(p, false); rule != nil {
			fmt.Printf("%s: excluded %t by %s of %s\n", p, excluded, rule, rule.Source())
		} else {
			fmt.Printf("%s: no rule\n", p)
		}
	}
	// Output:
	// src/a.log: excluded true by *.log of .gitignore:1
	// src/important.log: excluded false by !important.log of src/.gitignore:2
	// src/main.go: no rule
}

func TestANilOrEmptySetMatchesNothing(t *testing.T) {
	var s *Set
	for _, s := range []*Set{nil, s.With("", nil), s.With("a", []Rule{}), s.With("", make([]Rule, 3)), {}} {
		for _, p := range []string{"", "a", "a/b", "/"} {
			if rule, excluded := s.Match(p, true); rule != nil || excluded {
				t.Errorf("%q: %v, %t", p, rule, excluded)
			}
		}
	}
}

func TestWithAsksTheNewRulesFirst(t *testing.T) {
	var none *Set
	one := none.With("", mustParse(t, "*.o", "!b.o"))
	two := one.With("", mustParse(t, "b.o", "!a.o"))
	three := two.With("sub", mustParse(t, "a.o"))
	for _, c := range []struct {
		set      *Set
		path     string
		rule     string
		excluded bool
	}{
		{one, "a.o", "*.o", true}, {one, "b.o", "!b.o", false}, {one, "c.o", "*.o", true}, {one, "c", "", false},
		{two, "a.o", "!a.o", false}, {two, "b.o", "b.o", true}, {two, "c.o", "*.o", true},
		{three, "a.o", "!a.o", false}, {three, "sub/a.o", "a.o", true}, {three, "sub/b.o", "b.o", true}, {three, "subs/a.o", "!a.o", false},
	} {
		rule, excluded := c.set.Match(c.path, false)
		text := ""
		if rule != nil {
			text = rule.String()
		}
		if text != c.rule || excluded != c.excluded {
			t.Errorf("%q: %q, excluded %t; want %q, %t", c.path, text, excluded, c.rule, c.excluded)
		}
	}
}

func TestRulesDecideOnlyBeneathTheirDirectory(t *testing.T) {
	var none *Set
	s := none.With("a/b", mustParse(t, "*", "**", "/**"))
	for path, want := range map[string]bool{
		"a/b/c": true, "a/b/c/d": true, "a/b": false, "a": false, "a/bc": false, "a/bc/d": false, "b/c": false, "x/a/b/c": false, "": false, "a/b/": false,
	} {
		if _, excluded := s.Match(path, true); excluded != want {
			t.Errorf("%q: excluded %t", path, excluded)
		}
	}
}

func TestASetKeepsItsRulesWhenTheCallerChangesThem(t *testing.T) {
	var none *Set
	rules := mustParse(t, "a", "b*")
	s := none.With("", rules)
	copy(rules, mustParse(t, "!x", "!y"))
	for _, p := range []string{"a", "bb"} {
		if rule, excluded := s.Match(p, false); !excluded || rule.String()[:1] != p[:1] {
			t.Errorf("%q: %v, excluded %t", p, rule, excluded)
		}
	}
}

func TestASetIsSafeForConcurrentUse(t *testing.T) {
	var none *Set
	s := none.With("", mustParse(t, realisticRules()...))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			own := s.With("src", mustParse(t, fmt.Sprintf("!%d.o", i)))
			for j := range 8 {
				path := fmt.Sprintf("src/%d.o", j)
				if _, excluded := own.Match(path, false); excluded != (i != j) {
					t.Errorf("%d: %q: excluded %t", i, path, excluded)
				}
			}
		})
	}
	wg.Wait()
}

// A matcher that tries all ways would not come back from these in a lifetime.
func TestHostilePatternsTakeBoundedTime(t *testing.T) {
	// All end so that the whole text has to be looked at.
	for _, c := range []struct{ pattern, path string }{
		{strings.Repeat("*a", 1000) + "*[b]", strings.Repeat("a", 4096)},
		{"/x/" + strings.Repeat("*a", 1000) + "*[b]", "x/" + strings.Repeat("a", 4096)},
		{strings.Repeat("**/", 1000) + "[b]", strings.Repeat("a/", 2048) + "a"},
		{strings.Repeat("**/a/", 1000) + "[b]", strings.Repeat("a/", 2048) + "a"},
		{strings.Repeat("**/*/", 1000) + "[b]", strings.Repeat("a/", 2048) + "a"},
		{strings.Repeat("**/*a*a*/", 300) + "[b]", strings.Repeat("aaaaaaaa/", 400) + "a"},
		{strings.Repeat("*/", 1000) + "**/[b]", strings.Repeat("a/", 2048) + "a"},
		{strings.Repeat(`**\/`, 1000) + "[b]", strings.Repeat("a/", 2048) + "a"},
		{"**/" + strings.Repeat("a/", 1000) + "[b]", strings.Repeat("a/", 2048) + "a"},
		{"**/" + strings.Repeat("[a-c]*?", 1000) + "[b]", "x/" + strings.Repeat("a", 4096)},
		{"*" + strings.Repeat("?", 2000) + "[b]", strings.Repeat("a", 4096)},
		{"**/" + strings.Repeat("?/", 1000) + "[b]", strings.Repeat("a/", 2048) + "a"},
		{"**/*" + strings.Repeat("?", 30) + "/*" + strings.Repeat("?", 30) + "[b]", strings.Repeat(strings.Repeat("a", 60)+"/", 68) + "a"},
		{"**/y/" + strings.Repeat("?*", 1000) + "[b]?", "y/" + strings.Repeat("a", 4096)},
	} {
		var none *Set
		s := none.With("", mustParse(t, c.pattern))
		start := time.Now()
		if rule, _ := s.Match(c.path, false); rule != nil {
			t.Errorf("%.20q… matches", c.pattern)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%.20q… took %v", c.pattern, took)
		} else {
			t.Logf("%.20q…: %v", c.pattern, took)
		}
	}
}
