package ignore

import (
	"strings"
	"sync/atomic"
)

// A usage records whether a pattern, which was written once and may be several rules, has
// matched.
type usage struct {
	text string // as written
	met  atomic.Bool
}

// unmet returns the number of patterns of placed rules, or nil if there are none.
func unmet(rules []Rule) *atomic.Int64 {
	var seen map[*usage]bool
	for i := range rules {
		if u := rules[i].use; u != nil {
			if seen == nil {
				seen = map[*usage]bool{}
			}
			seen[u] = true
		}
	}
	if seen == nil {
		return nil
	}
	count := new(atomic.Int64)
	count.Store(int64(len(seen)))
	return count
}

// meet records a match for each rule of the set that matches, not only for the last. It
// costs as much as a name that no rule matches, and nothing when all have matched.
func (s *Set) meet(below, name string, isDir bool) {
	if s.unmet.Load() <= 0 {
		return
	}
	s.index.all(below, name, isDir, func(i int) {
		if u := s.rules[i].use; u != nil && (isDir || !s.rules[i].dirOnly) && !u.met.Load() && u.met.CompareAndSwap(false, true) {
			s.unmet.Add(-1)
		}
	})
}

// Unmatched returns the patterns of placed rules that have matched no path given to Match
// so far, in their order and as written. A pattern that is the path of something in an
// excluded directory isn't among them.
func (s *Set) Unmatched() []Record {
	var out []Record
	for ; s != nil; s = s.next {
		var list []Record
		done := s.covered()
		for i := range s.rules {
			r := &s.rules[i]
			if r.use == nil || r.use.met.Load() || done[r.use] {
				continue
			}
			done[r.use] = true
			list = append(list, Record{r.Source(), r.String()})
		}
		out = append(list, out...)
	}
	return out
}

// covered returns the patterns that could match nothing, because a directory above is
// excluded.
func (s *Set) covered() map[*usage]bool {
	out := map[*usage]bool{}
	for i := range s.rules {
		r := &s.rules[i]
		if r.use == nil || r.use.met.Load() || !r.isLiteral() || !r.anchored {
			continue
		}
		for at, b := range []byte(r.prefix) {
			if b != '/' {
				continue
			}
			dir := r.prefix[:at]
			if n := s.index.find(dir, dir[strings.LastIndexByte(dir, '/')+1:], true); n >= 0 && !s.rules[n].negated {
				out[r.use] = true
				break
			}
		}
	}
	return out
}
