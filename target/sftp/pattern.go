package sftp

import "strings"

// matchHost is matchPatterns for known_hosts, where case doesn't matter.
func matchHost(patterns []string, name string) bool {
	lower := make([]string, len(patterns))
	for i, pattern := range patterns {
		lower[i] = strings.ToLower(pattern)
	}
	return matchPatterns(lower, strings.ToLower(name))
}

// matchPatterns reports whether a name matches one of the patterns of OpenSSH's files,
// and none that begins with an exclamation mark.
func matchPatterns(patterns []string, name string) bool {
	matched := false
	for _, pattern := range patterns {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if !matchPattern(pattern, name) {
			continue
		}
		if negated {
			return false
		}
		matched = true
	}
	return matched
}

// matchPattern matches * with any characters and ? with any one, in time linear in each
// of the two lengths.
func matchPattern(pattern, name string) bool {
	star, from := -1, 0 // the last star, and the end of what it matches
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
