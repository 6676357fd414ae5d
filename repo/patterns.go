package repo

import (
	"io"

	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/snapshot"
)

// A Rule is a pattern as of gitignore(5), and where it was written.
type Rule struct{ rule ignore.Rule }

// String returns the pattern as it was written.
func (r Rule) String() string { return r.rule.String() }

// Source returns where the pattern was written, such as "src/.gitignore:12".
func (r Rule) Source() string { return r.rule.Source() }

// ParseRules parses a file such as .gitignore, of that name, for
// SnapshotOptions.ExcludeRules. Lines that can match nothing become rules that a snapshot
// reports as unmatched.
func ParseRules(r io.Reader, name string) ([]Rule, error) {
	rules, err := ignore.ParseList(r, name)
	var out []Rule
	for _, rule := range rules {
		out = append(out, Rule{rule})
	}
	return out, err
}

// Patterns are patterns as of gitignore(5) that select paths in any snapshot.
type Patterns struct{ patterns place.Patterns }

// ParsePatterns parses patterns. The error is a *PatternError.
func ParsePatterns(list []string) (Patterns, error) {
	p, err := place.ParsePatterns(list)
	return Patterns{p}, err
}

// In returns the patterns with what they mean in a snapshot. One that begins with a slash
// is the whole path of something in the source, or else a path in each of the directories
// that were named. One that begins with ~/ is in the home directory.
func (p Patterns) In(m *snapshot.Manifest) (Patterns, error) {
	in, err := p.patterns.In(m)
	return Patterns{in}, err
}

// Match reports whether a path, relative to the root of a snapshot, matches by itself. The
// contents of a directory that matches need not match.
func (p Patterns) Match(path string, isDir bool) bool { return p.patterns.Match(path, isDir) }

// Unmatched returns the patterns, as they were written, that have matched none of the paths
// given to Match so far. Negations are never among them.
func (p Patterns) Unmatched() []string { return p.patterns.Unmatched() }

// PathIn returns the path in a snapshot of what has an absolute path in its source. The result
// false means that the path is in none of the snapshot's Paths. Whether the snapshot holds
// anything at the path, View.Entry tells.
func PathIn(m *snapshot.Manifest, absolute string) (path string, ok bool) {
	return place.PathIn(m, absolute)
}
