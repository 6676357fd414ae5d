package ignore

import (
	"context"
	"errors"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
)

// A generator makes scenarios whose patterns match now and then, since names
// and patterns are made of the same few pieces.
type generator struct {
	*rand.Rand
	tiny bool // only names of a and b, and patterns without rhyme or reason
}

func newGenerator(seed uint64) generator {
	return generator{rand.New(rand.NewPCG(seed, 0)), seed%3 == 0}
}

func pick[T any](g generator, list []T) T { return list[g.IntN(len(list))] }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

var pieces = []string{
	"a", "b", "ab", "abc", "foo", "bar", "x", ".", ".c", ".o", "-", "_", "A", "Z", "0", "9", "ba", "aa", "src", "build",
	" ", "#", "!", "\\", "[", "]", "^", "*", "?", "~", "\n", "\r", "\t", "\v", "\x01", "\x7f", "\x80", "\xff", "é", "{", "}", ",", "$",
}

func (g generator) name() string {
	for {
		var b strings.Builder
		for range 1 + g.IntN(3) {
			if g.tiny {
				b.WriteString(pick(g, []string{"a", "a", "b"}))
			} else if g.chance(80) {
				b.WriteString(pieces[g.IntN(20)])
			} else {
				b.WriteString(pick(g, pieces))
			}
		}
		if s := b.String(); s != "." && s != ".." {
			return s
		}
	}
}

func (g generator) scenario() scenario {
	s := scenario{ignore: map[string]string{}}
	dirs := []string{""}
	for range 1 + g.IntN(12) {
		d := path.Join(pick(g, dirs), g.name())
		dirs = append(dirs, d)
	}
	s.dirs = dirs[1:]
	for range 1 + g.IntN(40) {
		s.files = append(s.files, path.Join(pick(g, dirs), g.name()))
	}
	all := slices.Concat(s.dirs, s.files)
	for range 1 + g.IntN(4) {
		s.ignore[pick(g, dirs)] = g.ignoreFile(all)
	}
	// What git would not take for a file or directory of that name.
	isDir := s.paths()
	s.files = nil
	for p, dir := range isDir {
		if !dir {
			s.files = append(s.files, p)
		}
	}
	return s
}

func (g generator) ignoreFile(paths []string) string {
	var b strings.Builder
	if g.chance(5) {
		b.WriteString("\xef\xbb\xbf")
	}
	for range 1 + g.IntN(8) {
		b.WriteString(g.line(paths))
		if g.chance(5) {
			b.WriteString("\r")
		}
		b.WriteString("\n")
	}
	s := b.String()
	if g.chance(10) {
		s = strings.TrimSuffix(s, "\n")
	}
	return s
}

// soup returns a pattern of random pieces.
func (g generator) soup() string {
	var b strings.Builder
	for range 1 + g.IntN(8) {
		b.WriteString(pick(g, []string{"a", "a", "b", "*", "*", "**", "**/", "/**", "/", "/", "?", "[ab]", "[!b]", `\a`, `\/`, "a*", "[", "!"}))
	}
	return b.String()
}

// line returns a pattern that is made from a path by making parts of it vague.
func (g generator) line(paths []string) string {
	if g.tiny && g.chance(80) {
		return g.soup()
	}
	names := strings.Split(pick(g, paths), "/")
	names = names[g.IntN(len(names)):]
	for i := range names {
		switch {
		case g.chance(15):
			names[i] = pick(g, []string{"*", "**", "***", "?", "", "**\\", "**a", "a**", "\\**"})
		case g.chance(60):
			names[i] = g.vague(names[i])
		}
	}
	line := strings.Join(names, "/")
	for _, change := range []struct {
		percent int
		to      func() string
	}{
		{20, func() string { return "/" + line }},
		{15, func() string { return line + "/" }},
		{10, func() string { return "**/" + line }},
		{8, func() string { return line + "/**" }},
		{4, func() string { return line + "**" }},
		{4, func() string { return line + "/*" }},
		{20, func() string { return "!" + line }},
		{4, func() string { return line + pick(g, []string{" ", "  ", "\\ ", " \\  ", "\t", "\\"}) }},
		{2, func() string { return pick(g, []string{"#", "\\", "\\#", " ", "\x00"}) + line }},
	} {
		if g.chance(change.percent) {
			line = change.to()
		}
	}
	return line
}

func (g generator) vague(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i : i+1]
		switch n := g.IntN(100); {
		case n < 8:
			b.WriteString("*")
		case n < 12:
			b.WriteString("*" + c)
		case n < 14:
			b.WriteString("**")
		case n < 20:
			b.WriteString("?")
		case n < 26:
			b.WriteString(`\` + c)
		case n < 40:
			b.WriteString(g.bracket(c))
		default:
			b.WriteString(c)
		}
	}
	return b.String()
}

// bracket returns an expression that often matches c.
func (g generator) bracket(c string) string {
	var b strings.Builder
	b.WriteString("[")
	if g.chance(20) {
		b.WriteString(pick(g, []string{"!", "^"}))
	}
	for range 1 + g.IntN(3) {
		b.WriteString(pick(g, []string{
			c, c, `\` + c, "a-c", "a-", "-", "]", "[", "[:", ":", "[:alpha:]", "[:digit:]", "[:nope:]", "[:space:]", "x", "!", "^",
			"Z-a", "\x80-\xff", "/", "0-9", "[:upper:]", `\`, "--0", `a-\c`, "[:punct:]", "[.a.]", "[=a=]", c + "-" + c, "-" + c, " ",
		}))
	}
	if !g.chance(5) {
		b.WriteString("]")
	}
	return b.String()
}

func TestRandomTreesAreDecidedAsByGit(t *testing.T) {
	g := newGitTree(t)
	all, ruled := 0, 0
	for seed := range uint64(300) {
		s := newGenerator(seed).scenario()
		n, r, differences, err := g.compare(s)
		if errors.Is(err, context.DeadlineExceeded) {
			continue // not ours to solve
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		all, ruled = all+n, ruled+r
		if len(differences) > 0 {
			t.Errorf("seed %d: ignore files %q\n%s", seed, s.ignore, strings.Join(differences, "\n"))
		}
	}
	if all < 2000 || ruled < all/10 {
		t.Errorf("only %d of %d paths were matched by a rule", ruled, all)
	}
	t.Logf("%d paths, %d of them matched by a rule", all, ruled)
}
