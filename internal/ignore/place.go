package ignore

import (
	"errors"
	"slices"
	"strings"
)

// A Place says where a tree is in a file system. It converts patterns with whole paths,
// as people write them, to patterns relative to the root of the tree:
//
//   - A pattern that begins with a slash, or with ~/, and leads into one of the
//     roots means what is there. Symbolic links on the way are followed.
//   - Any other anchored pattern is anchored in each of the roots.
//   - A name means that name anywhere.
//
// The first of the directories above the tree must be written in full: /*/a is not
// treated as a whole path.
type Place struct {
	Roots []Root
	// Home is the directory that ~ stands for. Empty means unknown.
	Home string
	// Links returns an absolute path with its symbolic links followed, as far as they
	// exist. Nil follows none.
	Links func(path string) string
	// Ways says that a pattern may also mean a directory above a root, which the tree
	// contains.
	Ways bool
	// Whole is the pattern for a root that is the whole tree. If it is empty, a pattern
	// that means the whole tree is an error.
	Whole string
	// Named are paths in the tree that are excluded only by a pattern that is their own
	// whole path. Directories above them are never excluded. A pattern that leaves none of
	// them is an error.
	Named []string
}

// A Root is a part of a tree that has a path of its own.
type Root struct {
	Paths []string // absolute, with slashes: the paths that lead to it
	At    string   // its path in the tree; empty for the root of the tree
}

// errWhole is the error of a pattern that excludes everything.
var errWhole = errors.New("means all that was named: nothing would be left")

// errNoPath is the error of a pattern with names that no path in a tree has.
var errNoPath = errors.New("matches nothing: no path in a tree has two slashes together, or . or .. for a name")

// A Kept is a named path, and the rule that would otherwise exclude it.
type Kept struct {
	Path string
	Rule *Rule
}

// Set returns the set of what the rules mean in the tree, with all of them anchored at
// its root. The last one that matches decides. Rules with the same text count as one
// pattern.
func (p *Place) Set(rules []Rule) (*Set, []Kept, error) {
	b := placing{p: p, uses: map[string]*usage{}}
	for i := range rules {
		if err := b.add(&rules[i]); err != nil {
			return nil, nil, &PatternError{rules[i].Source(), rules[i].text, err}
		}
	}
	var none *Set
	set := none.With("", b.rules)
	if set == nil || len(p.Named) == 0 {
		return set, nil, nil
	}
	kept := b.exempt(set)
	if len(b.exempted) == 0 {
		return set, nil, nil
	}
	set = none.With("", slices.Concat(b.rules, b.exempted, b.roots))
	left := slices.ContainsFunc(p.Named, func(path string) bool { return set.excludes(path) == nil })
	if !left {
		r := set.excludes(p.Named[0])
		return nil, nil, &PatternError{r.Source(), r.String(), errWhole}
	}
	return set, slices.DeleteFunc(kept, func(k Kept) bool { return set.excludes(k.Path) != nil }), nil
}

// A placing is a set of placed rules under construction.
type placing struct {
	p        *Place
	uses     map[string]*usage // by the pattern as written
	rules    []Rule
	roots    []Rule // the rules that are the whole path of a named path
	exempted []Rule
}

// add adds what a rule means in the tree.
func (b *placing) add(r *Rule) error {
	texts, whole, err := b.p.place(r.text, r.line == 0)
	if err != nil {
		return err
	}
	use := b.uses[r.text]
	if use == nil {
		use = &usage{text: r.text}
		b.uses[r.text] = use
	}
	some := false
	for _, text := range texts {
		c, err := compile(text)
		if err != nil {
			continue
		}
		some = true
		b.rules = append(b.rules, Rule{text: text, source: r.source, line: r.line, use: use, pattern: c})
		if _, body, _ := splitPattern(text); whole && b.isNamed(body) {
			b.roots = append(b.roots, b.rules[len(b.rules)-1])
		}
	}
	if !some { // the rule can match nothing, and Unmatched reports it
		b.rules = append(b.rules, Rule{source: r.source, line: r.line, use: use})
	}
	return nil
}

func (b *placing) isNamed(body string) bool {
	return slices.ContainsFunc(b.p.Named, func(path string) bool { return body == "/"+escape(path) })
}

// exempt adds rules that keep named paths, and directories above them, from being
// excluded. It returns the named paths that would have been excluded.
func (b *placing) exempt(set *Set) (kept []Kept) {
	done := map[string]bool{}
	for _, path := range b.p.Named {
		if r := set.excludes(path); r != nil {
			kept = append(kept, Kept{path, r})
		}
		for at := 0; at <= len(path); at++ {
			if at < len(path) && path[at] != '/' || done[path[:at]] {
				continue
			}
			done[path[:at]] = true
			if set.excludes(path[:at]) == nil {
				continue
			}
			text := "!/" + escape(path[:at])
			if c, err := compile(text); err == nil {
				b.exempted = append(b.exempted, Rule{text: text, source: "named", pattern: c})
			}
		}
	}
	return kept
}

// excludes returns the rule that excludes a path, whether it is a directory or not, or
// nil. It doesn't count as a match of the rule.
func (s *Set) excludes(path string) *Rule {
	name := path[strings.LastIndexByte(path, '/')+1:]
	for _, isDir := range []bool{false, true} {
		if n := s.index.find(path, name, isDir); n >= 0 && !s.rules[n].negated {
			return &s.rules[n]
		}
	}
	return nil
}

// place returns what a pattern is in the tree, and whether it is a whole path. given says
// that it comes from a command line, so it must be one that can match.
func (p *Place) place(text string, given bool) (texts []string, whole bool, err error) {
	negation, body, slash := splitPattern(text)
	if strings.IndexByte(body, '/') < 0 {
		return []string{text}, false, nil
	}
	texts, whole, err = p.whole(body, slash != "")
	if err != nil && negation == "" {
		return nil, false, err
	}
	if !whole {
		if given && noPath(body) {
			return nil, false, errNoPath
		}
		for _, r := range p.Roots {
			texts = append(texts, rebase(r.At, body)...)
		}
	}
	for i := range texts {
		if texts[i] != p.Whole {
			texts[i] += slash
		}
		texts[i] = negation + texts[i]
	}
	return texts, whole, nil
}
