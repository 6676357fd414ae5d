package ignore

import (
	"fmt"
	"testing"
)

// realisticRules returns 200 rules in the proportions of collections for several
// languages at once: endings, names, anchored paths, globs and negations.
func realisticRules() []string {
	rules := []string{
		"*~", ".#*", "\\#*#", "*.sw?", "._*", "*.py[cod]", "[Bb]in/", "[Oo]bj/", "[Ll]og/", "*_test_output*", "cmake-build-*/", "npm-debug.log*",
		"**/node_modules/.cache/", "docs/**/_build/", "/target*/", "third_party/*/build/", "**/testdata/**/*.out", "*.[oa]", "core.[0-9]*", "tmp-*-[a-z][a-z]",
		"*.egg-info/", "*.tar.gz", "*.min.js.map", "src/**/generated/*.go", "report.*.json", "coverage*", "!coverage.go", "*.log.[0-9]", "_ReSharper*/", "~$*",
	}
	for _, ext := range []string{"o", "a", "so", "dll", "exe", "class", "pyc", "log", "tmp", "bak", "orig", "rej", "swp", "iml", "jar", "war", "obj", "pdb", "suo", "user"} {
		rules = append(rules, "*."+ext)
	}
	for i := range 50 {
		rules = append(rules, fmt.Sprintf("*.ext%d", i))
	}
	rules = append(rules, "node_modules/", "dist/", "build/", ".DS_Store", "Thumbs.db", ".idea/", ".vscode/", "__pycache__/", ".cache", "vendor/", "!vendor/keep", "a.out")
	for i := range 48 {
		rules = append(rules, fmt.Sprintf("name%d", i))
	}
	for i := range 20 {
		rules = append(rules, fmt.Sprintf("/dir%d/sub/", i), fmt.Sprintf("conf/local%d.ini", i))
	}
	return rules
}

// realisticPaths returns paths of which few are excluded.
func realisticPaths() []string {
	var paths []string
	for _, dir := range []string{"", "src/", "internal/server/http/", "docs/guide/images/", "web/app/components/forms/inputs/"} {
		for _, name := range []string{"main.go", "README.md", "index.html", "server_test.go", "Makefile", "logo-small@2x.png", "a.very.dotted.name.txt", "LICENSE", "x.o", "core.c"} {
			paths = append(paths, dir+name)
		}
	}
	return paths
}

func benchmarkMatch(b *testing.B, s *Set) {
	paths := realisticPaths()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Match(paths[i], false)
		if i++; i == len(paths) {
			i = 0
		}
	}
}

func BenchmarkMatchWith200Rules(b *testing.B) {
	var none *Set
	rules := realisticRules()
	if len(rules) != 200 {
		b.Fatalf("%d rules", len(rules))
	}
	benchmarkMatch(b, none.With("", mustParse(b, rules...)))
}

func BenchmarkMatchWith200RulesAndThreeDeeperFiles(b *testing.B) {
	var s *Set
	s = s.With("", mustParse(b, realisticRules()...))
	for _, dir := range []string{"web", "web/app", "web/app/components"} {
		s = s.With(dir, mustParse(b, "*.tmp", "/out/", "local*", "!important.tmp", ".env"))
	}
	benchmarkMatch(b, s)
}

// BenchmarkMatchWith200Globs has no rule that a map could find.
func BenchmarkMatchWith200Globs(b *testing.B) {
	var patterns []string
	for i := range 100 {
		patterns = append(patterns, fmt.Sprintf("*part%d*", i), fmt.Sprintf("/src/**/x%d-*.go", i))
	}
	var none *Set
	benchmarkMatch(b, none.With("", mustParse(b, patterns...)))
}

func BenchmarkWith200Rules(b *testing.B) {
	rules := mustParse(b, realisticRules()...)
	b.ReportAllocs()
	for b.Loop() {
		var none *Set
		none.With("", rules)
	}
}

func BenchmarkWith5Rules(b *testing.B) {
	rules := mustParse(b, "*.tmp", "/out/", "local*", "!important.tmp", ".env")
	b.ReportAllocs()
	for b.Loop() {
		var none *Set
		none.With("", rules)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	var none *Set
	s := none.With("", mustParse(t, realisticRules()...)).With("src", mustParse(t, "**/a*b*c/**/d", "*x*"))
	paths := append(realisticPaths(), "src/a/abbc/x/y/c", "src/axxb")
	if n := testing.AllocsPerRun(100, func() {
		for _, p := range paths {
			s.Match(p, false)
			s.Match(p, true)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d paths", n, len(paths))
	}
}
