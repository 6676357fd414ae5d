package ignore

import (
	"iter"
	"slices"
)

// literals find the globs that may match a text: by the literal that each begins or ends
// with, or else by the longest literal in it. The time of a look-up depends on the number
// of different lengths of these literals, not on the number of globs.
type literals struct{ prefixes, suffixes, inner [2]literalMap } // of globs for names, and for paths

// A literalMap maps each literal to its globs.
type literalMap struct {
	lengths []int // lengths of the literals, ascending
	globs   map[string][]*globRule
}

// newLiterals also returns the globs that have no literal.
func newLiterals(globs []globRule) (l *literals, rest []globRule) {
	l = new(literals)
	for i := range globs {
		g := &globs[i]
		kind := 0
		if g.anchored {
			kind = 1
		}
		switch longest := max(len(g.prefix), len(g.suffix), len(g.longest)); longest {
		case 0:
			rest = append(rest, *g)
		case len(g.prefix):
			l.prefixes[kind].add(g.prefix, g)
		case len(g.suffix):
			l.suffixes[kind].add(g.suffix, g)
		default:
			l.inner[kind].add(g.longest, g)
		}
	}
	return l, rest
}

func (m *literalMap) add(literal string, g *globRule) {
	if m.globs == nil {
		m.globs = map[string][]*globRule{}
	}
	m.globs[literal] = append(m.globs[literal], g)
	if i, found := slices.BinarySearch(m.lengths, len(literal)); !found {
		m.lengths = slices.Insert(m.lengths, i, len(literal))
	}
}

// candidates yields the globs that may match, some perhaps twice.
func (l *literals) candidates(below, name string) iter.Seq[*globRule] {
	return func(yield func(*globRule) bool) {
		for kind, text := range [2]string{name, below} {
			for _, n := range l.prefixes[kind].fitting(text) {
				if !yieldAll(l.prefixes[kind].globs[text[:n]], yield) {
					return
				}
			}
			for _, n := range l.suffixes[kind].fitting(text) {
				if !yieldAll(l.suffixes[kind].globs[text[len(text)-n:]], yield) {
					return
				}
			}
			for _, n := range l.inner[kind].fitting(text) {
				for at := range len(text) - n + 1 {
					if !yieldAll(l.inner[kind].globs[text[at:at+n]], yield) {
						return
					}
				}
			}
		}
	}
}

// fitting returns the lengths of literals that fit into a text.
func (m *literalMap) fitting(text string) []int {
	n := len(m.lengths)
	for n > 0 && m.lengths[n-1] > len(text) {
		n--
	}
	return m.lengths[:n]
}

func yieldAll(globs []*globRule, yield func(*globRule) bool) bool {
	for _, g := range globs {
		if !yield(g) {
			return false
		}
	}
	return true
}
