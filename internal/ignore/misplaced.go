package ignore

import (
	"slices"
	"strings"
)

// Misplaced reports whether a rule of an ignore file in the tree is a whole path, which
// matches nothing there: in such files patterns are relative to their directory. Names
// are those that the directory has, sorted. Write is the pattern that means what seems to
// be meant, or empty.
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

// hasFirst reports whether the names have the first one of an anchored pattern, or may
// have it.
func hasFirst(names []string, body string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(body, "/"), "/")
	if !isLiteral(first) {
		return true
	}
	_, found := slices.BinarySearch(names, unescape(first))
	return found
}
