package ignore

import (
	"slices"
	"strings"
)

// isLiteral reports whether a name of a pattern matches only one name.
func isLiteral(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '*', '?', '[':
			return false
		case '\\':
			i++
		}
	}
	return true
}

// isDirs reports whether a name of a pattern matches any number of names.
func isDirs(name string) bool { return len(name) > 1 && strings.Trim(name, "*") == "" }

// unescape returns the text that a literal pattern matches.
func unescape(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		out = append(out, text[i])
	}
	return string(out)
}

// cleanNames removes what adds nothing to a whole path: empty names, single dots, names
// before two dots, and each ** after another.
func cleanNames(names []string) []string {
	out := names[:1:1]
	for _, name := range names[1:] {
		last := out[len(out)-1]
		switch {
		case name == "" || name == ".":
		case name == ".." && len(out) > 1 && isLiteral(last) && last != "..":
			out = out[:len(out)-1]
		case isDirs(name) && isDirs(last):
		default:
			out = append(out, name)
		}
	}
	return out
}

// noPath reports whether an anchored pattern has names that no path has.
func noPath(body string) bool {
	if strings.IndexByte(body, '[') >= 0 {
		return false // brackets may contain slashes
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(body, "/"), "/") {
		if name == "" || name == "." || name == ".." {
			return true
		}
	}
	return false
}

// walkNames matches the names of a path, from its beginning, with the names of a pattern.
// rests are the parts of the pattern that can remain for what is below the path, each
// with a slash at its beginning, or empty for the path itself. above says that the whole
// pattern matches a directory that contains the path.
func walkNames(pattern, path []string) (rests []string, above bool) {
	if len(path) > 1 && (len(pattern) < 2 || !isLiteral(pattern[1])) || !strings.EqualFold(pattern[0], path[0]) {
		return nil, false
	}
	at := passDirs(pattern, []int{1}) // numbers of the pattern's names that may come next
	for i, name := range path[1:] {
		var next []int
		for _, n := range at {
			switch {
			case n == len(pattern):
				above = above || i > 0
			case isDirs(pattern[n]):
				next = append(next, n)
			case matchName(pattern[n], name):
				next = append(next, n+1)
			}
		}
		if at = passDirs(pattern, next); len(at) == 0 {
			return nil, above
		}
	}
	for _, n := range at {
		if isDirs(pattern[n-1]) && slices.Contains(at, n-1) {
			continue // keeping the ** matches more
		}
		rest := ""
		if n < len(pattern) {
			rest = "/" + strings.Join(pattern[n:], "/")
		}
		rests = append(rests, rest)
	}
	return rests, above
}

// passDirs adds what comes next if ** matches no name.
func passDirs(pattern []string, at []int) []int {
	for i := 0; i < len(at); i++ {
		if n := at[i]; n < len(pattern) && isDirs(pattern[n]) {
			at = append(at, n+1)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// matchName reports whether one name of a pattern matches a name.
func matchName(pattern, name string) bool {
	if isLiteral(pattern) {
		return unescape(pattern) == name
	}
	ops, err := parseGlob(pattern)
	if err != nil {
		return false
	}
	g := newGlob(ops)
	return g.match(name)
}
