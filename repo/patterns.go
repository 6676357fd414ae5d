package repo

import (
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/snapshot"
)

// Patterns are patterns as of gitignore(5), here for what is wanted.
type Patterns struct {
	list []string
	set  *ignore.Set
}

// ParsePatterns reads patterns.
func ParsePatterns(list []string) (Patterns, error) {
	rules, err := parseFlags(list, "pattern")
	var none *ignore.Set
	return Patterns{slices.Clone(list), none.With("", rules)}, err
}

// In returns the patterns as they are meant for a snapshot: what begins with a slash is
// the whole path of something in its source, or else a path in any of the directories
// that were named; what begins with ~/ is in the home directory.
func (p Patterns) In(m *snapshot.Manifest) (Patterns, error) {
	set, err := patternsIn(m, "", p.list, "pattern")
	return Patterns{p.list, set}, err
}

// Match reports whether a path, relative to the root of a snapshot, matches by
// itself: what is in a directory that matches need not.
func (p Patterns) Match(path string, isDir bool) bool {
	_, matched := p.set.Match(path, isDir)
	return matched
}

// Unmatched returns which of the patterns, as they were written, no path has matched so far
// that Match was asked about. Those that take others back are never among them.
func (p Patterns) Unmatched() (out []string) {
	for _, r := range p.set.Unmatched() {
		if !strings.HasPrefix(r.Text, "!") {
			out = append(out, r.Text)
		}
	}
	return out
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
