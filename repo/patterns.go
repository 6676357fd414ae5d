package repo

import (
	"slices"

	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/snapshot"
)

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

// recorded returns what the options, and the patterns that they make up, leave out.
func (o *SnapshotOptions) recorded(patterns *ignore.Set) *snapshot.Rules {
	rules := &snapshot.Rules{
		IgnoreFiles: slices.Clone(o.IgnoreFiles), OneFileSystem: o.OneFileSystem,
		SkipCaches: o.SkipCaches, MaxFileSize: max(0, o.MaxFileSize),
	}
	for _, p := range patterns.Records() {
		rules.Patterns = append(rules.Patterns, snapshot.Pattern(p))
	}
	return rules
}
