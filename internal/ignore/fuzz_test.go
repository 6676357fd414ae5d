package ignore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// fuzzScenario makes a tree of paths, one a line, with a slash at the end for
// directories. The deeper file is in the directory of the first path.
func fuzzScenario(root, deeper, paths string) scenario {
	s := scenario{ignore: map[string]string{"": root}}
	for p := range strings.SplitSeq(paths, "\n") {
		p, isDir := strings.CutSuffix(p, "/")
		if !isTestable(p) {
			continue
		}
		if len(s.ignore) == 1 && parent(p) != "" {
			s.ignore[parent(p)] = deeper
		}
		if isDir {
			s.dirs = append(s.dirs, p)
		} else {
			s.files = append(s.files, p)
		}
		if len(s.dirs)+len(s.files) == 30 {
			break
		}
	}
	return s
}

// isTestable reports whether git can be asked about a path, and directories of
// that name be made.
func isTestable(p string) bool {
	if len(p) > 1000 || strings.Count(p, "/") > 20 || strings.IndexByte(p, 0) >= 0 {
		return false
	}
	for name := range strings.SplitSeq(p, "/") {
		switch strings.ToLower(name) {
		case "", ".", "..", ".git", ".gitignore":
			return false
		}
		if len(name) > 200 {
			return false
		}
	}
	return true
}

func FuzzMatchAgainstGit(f *testing.F) {
	g := newGitTree(f)
	for _, c := range documented {
		paths := append([]string{"sub/"}, c.excluded...)
		f.Add(c.ignore, c.deeper, strings.Join(append(paths, c.kept...), "\n"))
	}
	for seed := range uint64(20) {
		s := newGenerator(1000 + seed).scenario()
		f.Add(s.ignore[""], s.ignore[s.dirs[0]], strings.Join(append(s.files, s.dirs...), "\n"))
	}
	f.Fuzz(func(t *testing.T, root, deeper, paths string) {
		if strings.Count(root+deeper, "*") > 40 {
			t.Skip("would take git ages")
		}
		s := fuzzScenario(root, deeper, paths)
		_, _, differences, err := g.compare(s)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Skip("takes git ages")
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range differences {
			t.Error(d)
		}
	})
}

// FuzzParseFile checks what must hold whatever git does: the index finds the
// rule that asking each one finds, rules can be read again from what they say,
// and all ends soon.
func FuzzParseFile(f *testing.F) {
	for _, c := range documented {
		f.Add([]byte(c.ignore), strings.Join(append(c.excluded, c.kept...), "\n"))
	}
	f.Add([]byte(strings.Join(realisticRules(), "\n")), strings.Join(realisticPaths(), "\n"))
	f.Fuzz(func(t *testing.T, content []byte, paths string) {
		if len(content) > 10_000 || len(paths) > 10_000 {
			t.Skip("large") // 5 s are for these
		}
		start := time.Now()
		rules := readLines(t, string(content), "f")
		var again []Rule
		for _, r := range rules {
			same := readLines(t, "\n"+r.String()+"\r\n", "f")
			if len(same) != 1 || same[0].String() != r.String() {
				t.Fatalf("%q reads again as %d rules", r.String(), len(same))
			}
			again = append(again, same[0])
		}
		var none *Set
		s := none.With("", rules)
		for p := range strings.SplitSeq(paths, "\n") {
			for _, isDir := range []bool{false, true} {
				rule, excluded := s.Match(p, isDir)
				want := lastOf(again, p, isDir)
				switch {
				case rule == nil && want < 0 && !excluded:
				case rule != nil && want >= 0 && rule.line == rules[want].line && excluded == !rule.negated:
				default:
					t.Fatalf("%q: %v, excluded %t; want rule %d", p, rule, excluded, want)
				}
			}
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}

// lastOf asks the rules one by one.
func lastOf(rules []Rule, path string, isDir bool) int {
	for i := len(rules) - 1; i >= 0; i-- {
		text := path
		if !rules[i].anchored {
			text = path[strings.LastIndexByte(path, '/')+1:]
		}
		if path != "" && (isDir || !rules[i].dirOnly) && rules[i].match(text) {
			return i
		}
	}
	return -1
}
