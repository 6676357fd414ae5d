package place

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/snapshot"
)

// Parse parses patterns that a person gave. The source says where, such as "--exclude".
func Parse(list []string, source string) ([]ignore.Rule, error) {
	var rules []ignore.Rule
	for _, text := range list {
		rule, err := ignore.Parse(text, source)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// Set returns the set of patterns for a part of a snapshot, or nil for none.
func Set(m *snapshot.Manifest, part string, list []string, source string) (*ignore.Set, error) {
	rules, err := Parse(list, source)
	if err != nil || rules == nil {
		return nil, err
	}
	set, _, err := OfSnapshot(m, part).Set(rules)
	return set, err
}

// Unmatched returns the patterns of a set that have matched nothing so far, each with where
// it was written.
func Unmatched(set *ignore.Set) (out []string) {
	for _, r := range set.Unmatched() {
		out = append(out, Written(r))
	}
	return out
}

// Written returns where a pattern was written, and how.
func Written(r ignore.Record) string { return fmt.Sprintf("%s %q", r.Source, r.Text) }

// Patterns select paths in any snapshot.
type Patterns struct {
	list []string
	set  *ignore.Set
}

// ParsePatterns parses patterns.
func ParsePatterns(list []string) (Patterns, error) {
	rules, err := Parse(list, "pattern")
	var none *ignore.Set
	return Patterns{slices.Clone(list), none.With("", rules)}, err
}

// In returns the patterns with what they mean in a snapshot.
func (p Patterns) In(m *snapshot.Manifest) (Patterns, error) {
	set, err := Set(m, "", p.list, "pattern")
	return Patterns{p.list, set}, err
}

// Match reports whether a path in the snapshot itself matches.
func (p Patterns) Match(path string, isDir bool) bool {
	_, matched := p.set.Match(path, isDir)
	return matched
}

// Unmatched returns the patterns that have matched nothing so far, except negations.
func (p Patterns) Unmatched() (out []string) {
	for _, r := range p.set.Unmatched() {
		if !strings.HasPrefix(r.Text, "!") {
			out = append(out, r.Text)
		}
	}
	return out
}
