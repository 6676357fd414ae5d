package ignore

import (
	"slices"
	"strings"
)

// Misplaced reports whether a rule of an ignore file in the tree is a whole path, which
// matches nothing there: in such files patterns are relative to their directory. names
// are the directory's names, sorted. write is the pattern with the presumably intended
// meaning, or empty.
func (p *Place) Misplaced(r *Rule, dir string, names []string) (write string, misplaced bool) {
	_, body, slash := splitPattern(r.text)
	home := strings.HasPrefix(body, "~/")
	if !home && !isWhole(body) || hasFirst(names, body) {
		return "", false
	}
	here := Place{Roots: p.Roots, Home: p.Home, Whole: "/"}
	found, ok, _ := here.whole(body, false)
	if !ok {
		return "", home
	}
	for _, text := range found {
		rest, below := text, true
		if dir != "" {
			rest, below = strings.CutPrefix(text, "/"+escape(dir))
		}
		switch {
		case below && rest == body || text == here.Whole:
			return "", false
		case below && strings.HasPrefix(rest, "/") && hasFirst(names, rest):
			return rest + slash, true
		}
	}
	top := func(r Root) bool { return slices.Contains(r.Paths, "/") }
	return "", home || !slices.ContainsFunc(p.Roots, top)
}

// hasFirst reports whether the first name of an anchored pattern is, or may be, among
// names.
func hasFirst(names []string, body string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(body, "/"), "/")
	if !isLiteral(first) {
		return true
	}
	_, found := slices.BinarySearch(names, unescape(first))
	return found
}
