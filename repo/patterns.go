package repo

import "github.com/qsnap/qsnap/internal/ignore"

// Patterns are patterns as of gitignore(5), here for what is wanted.
type Patterns struct{ set *ignore.Set }

// ParsePatterns reads patterns.
func ParsePatterns(list []string) (Patterns, error) {
	set, err := patterns(list, "pattern")
	return Patterns{set}, err
}

// Match reports whether a path, relative to the root of a snapshot, matches by
// itself: what is in a directory that matches need not.
func (p Patterns) Match(path string, isDir bool) bool {
	_, matched := p.set.Match(path, isDir)
	return matched
}
