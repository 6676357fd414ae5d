package ignore

import (
	"slices"
	"strings"
)

// An index finds the last rule of a list that matches, without testing each rule.
type index struct {
	names map[string]last     // of rules like "name"
	paths map[string]last     // of rules like "/name" and "a/b"
	ends  map[string][]ending // of rules like "*.tar.gz", by what follows the last dot
	globs []globRule          // all others, the last rule first
	many  *literals           // in place of globs, if there are many
	older map[int]int         // the previous rule with the same key, by number
}

// last has the numbers plus one of the last rules that match a file or a directory.
type last struct{ file, dir int }

func (l last) with(number int, dirOnly bool) last {
	l.dir = number + 1
	if !dirOnly {
		l.file = number + 1
	}
	return l
}

func (l last) of(isDir bool) int {
	if isDir {
		return l.dir - 1
	}
	return l.file - 1
}

// An ending is what all rules with one suffix have in common.
type ending struct {
	suffix string
	last   last
}

type globRule struct {
	number            int
	dirOnly, anchored bool
	glob
}

func (g *globRule) matches(below, name string, isDir bool) bool {
	text := name
	if g.anchored {
		text = below
	}
	return (isDir || !g.dirOnly) && g.match(text)
}

// Up to this many globs, and endings with the same last dot, are tested one by one: that
// is faster than looking them up.
const fewGlobs = 256

func newIndex(rules []Rule) index {
	x := index{names: map[string]last{}, paths: map[string]last{}, ends: map[string][]ending{}}
	for i := range rules {
		p := &rules[i].pattern
		ext, dotted := extension(p.suffix)
		switch {
		case p.never():
		case p.isLiteral() && p.anchored:
			x.paths[p.prefix] = x.add(x.paths[p.prefix], rules, i)
		case p.isLiteral():
			x.names[p.prefix] = x.add(x.names[p.prefix], rules, i)
		case p.isSuffix() && !p.anchored && dotted && x.addEnding(ext, rules, i):
		default:
			x.globs = append(x.globs, globRule{i, p.dirOnly, p.anchored, p.glob})
		}
	}
	slices.Reverse(x.globs)
	if len(x.globs) > fewGlobs {
		x.many, x.globs = newLiterals(x.globs)
	}
	return x
}

// add returns l with another rule for the same key.
func (x *index) add(l last, rules []Rule, number int) last {
	before := max(l.file, l.dir) - 1
	if before >= 0 && rules[before].use == rules[number].use {
		before = x.olderThan(before)
	}
	if before >= 0 {
		if x.older == nil {
			x.older = map[int]int{}
		}
		x.older[number] = before
	}
	return l.with(number, rules[number].dirOnly)
}

// olderThan returns the number of the previous rule with the same key, or -1.
func (x *index) olderThan(number int) int {
	if before, ok := x.older[number]; ok {
		return before
	}
	return -1
}

// addEnding adds a rule, unless there are too many with other suffixes of that ending.
func (x *index) addEnding(ext string, rules []Rule, number int) bool {
	ends, suffix := x.ends[ext], rules[number].suffix
	i := slices.IndexFunc(ends, func(e ending) bool { return e.suffix == suffix })
	if i < 0 {
		if len(ends) == fewGlobs {
			return false
		}
		i, ends = len(ends), append(ends, ending{suffix: suffix})
		x.ends[ext] = ends
	}
	ends[i].last = x.add(ends[i].last, rules, number)
	return true
}

// extension returns the part of a name from its last dot on.
func extension(name string) (ext string, ok bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return "", false
	}
	return name[dot:], true
}

// find returns the number of the last rule that matches, or -1. below is the path below
// the directory of the rules, and name its last name.
func (x *index) find(below, name string, isDir bool) int {
	found := max(x.names[name].of(isDir), x.paths[below].of(isDir))
	if len(x.ends) > 0 {
		ext, _ := extension(name)
		for _, e := range x.ends[ext] {
			if strings.HasSuffix(name, e.suffix) {
				found = max(found, e.last.of(isDir))
			}
		}
	}
	if x.many != nil {
		for g := range x.many.candidates(below, name) {
			if g.number > found && g.matches(below, name, isDir) {
				found = g.number
			}
		}
	}
	for i := range x.globs {
		g := &x.globs[i]
		if g.number < found {
			break
		}
		if g.matches(below, name, isDir) {
			return g.number
		}
	}
	return found
}

// all calls f with the number of each rule that matches, or would match if the path were
// a directory, in no particular order. For rules with the same usage and key, it calls f
// once.
func (x *index) all(below, name string, isDir bool, f func(number int)) {
	chain := func(l last) {
		for n := max(l.file, l.dir) - 1; n >= 0; n = x.olderThan(n) {
			f(n)
		}
	}
	chain(x.names[name])
	chain(x.paths[below])
	ext, _ := extension(name)
	for _, e := range x.ends[ext] {
		if strings.HasSuffix(name, e.suffix) {
			chain(e.last)
		}
	}
	if x.many != nil {
		for g := range x.many.candidates(below, name) {
			if g.matches(below, name, isDir) {
				f(g.number)
			}
		}
	}
	for i := range x.globs {
		if g := &x.globs[i]; g.matches(below, name, isDir) {
			f(g.number)
		}
	}
}
