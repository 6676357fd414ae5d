package take

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/snapshot"
)

// rules returns the set of what a snapshot leaves out, and notices about it.
func (o *Options) rules(at *ignore.Place, paths []string) (*ignore.Set, []error, error) {
	flags, err := place.Parse(o.Excludes, "--exclude")
	if err != nil || len(flags)+len(o.ExcludeRules) == 0 {
		return nil, nil, err
	}
	set, kept, err := at.Set(slices.Concat(o.ExcludeRules, flags))
	if err != nil {
		return nil, nil, err
	}
	return set, keptNotices(kept, at.Named, paths), nil
}

// acceptUnread returns the set of what may be unreadable, or nil if nothing may.
func (o *Options) acceptUnread(at *ignore.Place) (*ignore.Set, error) {
	rules, err := place.Parse(o.AcceptUnread, "accept-unread")
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	set, _, err := at.Set(rules)
	return set, err
}

// keptNotices returns notices of named paths that are taken although patterns match them.
// named are their places in the tree.
func keptNotices(kept []ignore.Kept, named, paths []string) (out []error) {
	const enough = 5
	for i, k := range kept {
		if i == enough {
			return append(out, fmt.Errorf("and %d more named paths are taken although patterns match them", len(kept)-enough))
		}
		out = append(out, fmt.Errorf("%s was named, so it is taken although %s %q matches it: to leave it out, exclude its whole path", paths[slices.Index(named, k.Path)], k.Rule.Source(), k.Rule))
	}
	return out
}

// maxMisplaced bounds the notices of misplaced patterns.
const maxMisplaced = 20

// misplaced returns a function that reports patterns in ignore files of the tree which match
// nothing because they are whole paths.
func misplaced(at *ignore.Place, notice func(path string, notice error)) func(dir string, names []string, rules []ignore.Rule) {
	var count atomic.Int64
	return func(dir string, names []string, rules []ignore.Rule) {
		for i := range rules {
			r := &rules[i]
			write, bad := at.Misplaced(r, dir, names)
			if !bad || count.Add(1) > maxMisplaced {
				continue
			}
			if write != "" {
				write = "; write " + write
			}
			notice(dir, fmt.Errorf("%s: %q matches nothing here: patterns in this file are relative to its directory%s", r.Source(), r, write))
		}
	}
}

// recorded returns the rules as the manifest records them. The patterns are those of the
// options, relative to the root of the tree.
func (o *Options) recorded(patterns *ignore.Set) *snapshot.Rules {
	rules := &snapshot.Rules{
		IgnoreFiles: slices.Clone(o.IgnoreFiles), OneFileSystem: o.OneFileSystem,
		SkipCaches: o.SkipCaches, MaxFileSize: o.maxFileSize(),
	}
	for _, p := range patterns.Records() {
		rules.Patterns = append(rules.Patterns, snapshot.Pattern(p))
	}
	return rules
}
