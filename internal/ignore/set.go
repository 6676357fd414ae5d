package ignore

import (
	"slices"
	"strings"
	"sync/atomic"
)

// A Set decides which paths are excluded. Its decisions never change, and it is safe for
// concurrent use. A nil Set matches nothing.
type Set struct {
	next  *Set   // decides if no rule matches
	dir   string // directory of the rules, with a slash at the end; "" for the root
	rules []Rule
	index index
	unmet *atomic.Int64 // number of placed patterns that have matched nothing yet; nil if there are none
}

// With returns a set in which the rules, found in directory dir, take precedence over
// those of s, like those of a deeper ignore file. They apply to paths beneath dir, which
// is slash-separated and relative to the root, "" for the root itself.
func (s *Set) With(dir string, rules []Rule) *Set {
	if len(rules) == 0 {
		return s
	}
	if dir != "" {
		dir += "/"
	}
	rules = slices.Clone(rules)
	return &Set{next: s, dir: dir, rules: rules, index: newIndex(rules), unmet: unmet(rules)}
}

// Match returns the rule that decides about path, which is slash-separated and relative
// to the root, or nil. excluded is false if that rule is a negation or there is none.
//
// Match does not examine the parents of path: a walk does not enter an excluded
// directory, so it never asks about what is beneath.
func (s *Set) Match(path string, isDir bool) (rule *Rule, excluded bool) {
	name := path[strings.LastIndexByte(path, '/')+1:]
	for ; s != nil; s = s.next {
		below, ok := strings.CutPrefix(path, s.dir)
		if !ok || below == "" {
			continue
		}
		if i := s.index.find(below, name, isDir); i >= 0 {
			if s.unmet != nil {
				s.meet(below, name, isDir)
			}
			return &s.rules[i], !s.rules[i].negated
		}
	}
	return nil, false
}
