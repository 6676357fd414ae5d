package ignore

import (
	"slices"
	"strings"
)

// An index finds the last rule of a list that matches, without asking each.
type index struct {
	names map[string]last     // of rules like "name"
	paths map[string]last     // of rules like "/name" and "a/b"
	ends  map[string][]ending // of rules like "*.tar.gz", by what follows the last dot
	globs []globRule          // all others, the last rule first
}

// last has the numbers of the last rules that match, plus one.
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

func newIndex(rules []Rule) index {
	x := index{names: map[string]last{}, paths: map[string]last{}, ends: map[string][]ending{}}
	for i := range rules {
		p := &rules[i].pattern
		ext, dotted := extension(p.suffix)
		switch {
		case p.isLiteral() && p.prefix == "":
			// The zero Rule.
		case p.isLiteral() && p.anchored:
			x.paths[p.prefix] = x.paths[p.prefix].with(i, p.dirOnly)
		case p.isLiteral():
			x.names[p.prefix] = x.names[p.prefix].with(i, p.dirOnly)
		case p.isSuffix() && !p.anchored && dotted:
			x.ends[ext] = addEnding(x.ends[ext], p.suffix, i, p.dirOnly)
		default:
			x.globs = append(x.globs, globRule{i, p.dirOnly, p.anchored, p.glob})
		}
	}
	slices.Reverse(x.globs)
	return x
}

func addEnding(ends []ending, suffix string, number int, dirOnly bool) []ending {
	i := slices.IndexFunc(ends, func(e ending) bool { return e.suffix == suffix })
	if i < 0 {
		i, ends = len(ends), append(ends, ending{suffix: suffix})
	}
	ends[i].last = ends[i].last.with(number, dirOnly)
	return ends
}

// extension returns what begins with the last dot of a name.
func extension(name string) (ext string, ok bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return "", false
	}
	return name[dot:], true
}

// find returns the number of the last rule that matches, or -1. Below is the
// path below the directory of the rules, and name the last name of it.
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
	for i := range x.globs {
		g := &x.globs[i]
		if g.number < found {
			break
		}
		text := name
		if g.anchored {
			text = below
		}
		if (isDir || !g.dirOnly) && g.match(text) {
			return g.number
		}
	}
	return found
}
