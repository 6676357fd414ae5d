package snapshot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Grouping says by what snapshots are divided into groups, so that a policy can
// be applied to each by itself. The zero value doesn't divide them.
type Grouping struct{ Host, Paths, Tags bool }

// ParseGrouping reads words joined by commas: host, paths and tags, each at most
// once. The empty string is the zero value.
func ParseGrouping(s string) (Grouping, error) {
	var g Grouping
	if s == "" {
		return g, nil
	}
	for word := range strings.SplitSeq(s, ",") {
		by, ok := map[string]*bool{"host": &g.Host, "paths": &g.Paths, "tags": &g.Tags}[word]
		if !ok {
			return Grouping{}, fmt.Errorf("grouping %q: %q is none of host, paths and tags", s, word)
		}
		if *by {
			return Grouping{}, fmt.Errorf("grouping %q: %s is named twice", s, word)
		}
		*by = true
	}
	return g, nil
}

// String returns the grouping as ParseGrouping reads it.
func (g Grouping) String() string {
	var words []string
	if g.Host {
		words = append(words, "host")
	}
	if g.Paths {
		words = append(words, "paths")
	}
	if g.Tags {
		words = append(words, "tags")
	}
	return strings.Join(words, ",")
}

// A Group is snapshots that are alike in what they were grouped by; what they were
// not grouped by is empty.
type Group struct {
	Hostname  string
	Paths     []string // in the order that the snapshots have them in
	Tags      []string // sorted, each once
	Snapshots []*Manifest
}

// Group divides snapshots into groups, sorted by host name, paths and tags. In each
// they are in the order in which they were given. There are no empty groups.
func (g Grouping) Group(ms []*Manifest) []Group {
	byKey := map[string]*Group{}
	var groups []*Group
	for _, m := range ms {
		var like Group
		if g.Host {
			like.Hostname = m.Hostname
		}
		if g.Paths {
			like.Paths = m.Paths
		}
		if g.Tags {
			like.Tags = slices.Compact(slices.Sorted(slices.Values(m.Tags)))
		}
		key := fmt.Sprintf("%q %q %q", like.Hostname, like.Paths, like.Tags)
		if byKey[key] == nil {
			byKey[key] = &like
			groups = append(groups, &like)
		}
		byKey[key].Snapshots = append(byKey[key].Snapshots, m)
	}
	slices.SortFunc(groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.Hostname, b.Hostname), slices.Compare(a.Paths, b.Paths), slices.Compare(a.Tags, b.Tags))
	})
	var out []Group
	for _, g := range groups {
		out = append(out, *g)
	}
	return out
}
