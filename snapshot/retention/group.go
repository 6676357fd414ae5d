package retention

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/snapshot"
)

// A Grouping says how snapshots are divided into groups, so that a policy can be applied
// to each group separately. The zero value makes one group per source, which is a host
// and its paths. Coarser groups must be requested.
//
// With Profile and AnyPaths, the snapshots of a profile of a host form a group, whatever
// their paths are. Snapshots without a profile count as those of the only profile that has
// snapshots of the same host and paths. If there is none, or if there are several, they are
// divided by paths.
type Grouping struct {
	AnyHost  bool // put snapshots of several hosts in one group
	AnyPaths bool // put snapshots of different paths in one group
	Profile  bool // divide the groups by profiles, too
	Tags     bool // divide the groups by tags, too
}

// ParseGrouping parses what the snapshots of a group have in common: host, paths, profile
// and tags, joined by commas, each at most once. The empty string puts all snapshots into
// one group.
func ParseGrouping(s string) (Grouping, error) {
	g := Grouping{AnyHost: true, AnyPaths: true}
	if s == "" {
		return g, nil
	}
	named := map[string]bool{}
	for word := range strings.SplitSeq(s, ",") {
		if named[word] {
			return Grouping{}, fmt.Errorf("grouping %q: %s is named twice", s, word)
		}
		named[word] = true
		switch word {
		case "host":
			g.AnyHost = false
		case "paths":
			g.AnyPaths = false
		case "profile":
			g.Profile = true
		case "tags":
			g.Tags = true
		default:
			return Grouping{}, fmt.Errorf("grouping %q: unknown word %q: want host, paths, profile or tags", s, word)
		}
	}
	return g, nil
}

// String returns the grouping in the form that ParseGrouping parses.
func (g Grouping) String() string {
	var words []string
	if !g.AnyHost {
		words = append(words, "host")
	}
	if !g.AnyPaths {
		words = append(words, "paths")
	}
	if g.Profile {
		words = append(words, "profile")
	}
	if g.Tags {
		words = append(words, "tags")
	}
	return strings.Join(words, ",")
}

// A Group is snapshots that have the same values of what they were grouped by. The other
// fields are empty. All have the same kind.
type Group struct {
	Kind      snapshot.Kind        `json:"-"`
	Hostname  string               `json:"host"`
	Paths     []string             `json:"paths"` // in the order of the snapshots' Paths
	Profile   string               `json:"profile,omitempty"`
	Tags      []string             `json:"tags"` // sorted, each once
	Snapshots []*snapshot.Manifest `json:"-"`
}

// Group divides snapshots into groups, sorted by host name, profile, paths and tags. Snapshots
// keep their order within a group. No group is empty.
func (g Grouping) Group(ms []*snapshot.Manifest) []Group {
	byKey := map[string]*Group{}
	only := onlyProfiles(ms)
	var groups []*Group
	for _, m := range ms {
		like := Group{Kind: m.Kind}
		if !g.AnyHost {
			like.Hostname = m.Hostname
		}
		if g.Profile {
			like.Profile = cmp.Or(m.Job.Profile, only[sourceKey(m)])
		}
		if !g.AnyPaths || g.Profile && like.Profile == "" {
			like.Paths = m.Paths
		}
		if g.Tags {
			like.Tags = slices.Compact(slices.Sorted(slices.Values(m.Tags)))
		}
		key := fmt.Sprintf("%q %q %q %q %q", like.Kind, like.Hostname, like.Profile, like.Paths, like.Tags)
		if byKey[key] == nil {
			byKey[key] = &like
			groups = append(groups, &like)
		}
		byKey[key].Snapshots = append(byKey[key].Snapshots, m)
	}
	slices.SortFunc(groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.Profile, b.Profile), slices.Compare(a.Paths, b.Paths),
			slices.Compare(a.Tags, b.Tags), cmp.Compare(a.Kind, b.Kind))
	})
	var out []Group
	for _, g := range groups {
		out = append(out, *g)
	}
	return out
}

// onlyProfiles returns the profile of each source of which a single one has snapshots.
func onlyProfiles(ms []*snapshot.Manifest) map[string]string {
	only, several := map[string]string{}, map[string]bool{}
	for _, m := range ms {
		source := sourceKey(m)
		switch have := only[source]; {
		case m.Job.Profile == "" || several[source]:
		case have == "":
			only[source] = m.Job.Profile
		case have != m.Job.Profile:
			several[source] = true
			delete(only, source)
		}
	}
	return only
}

func sourceKey(m *snapshot.Manifest) string { return fmt.Sprintf("%q %q", m.Hostname, m.Paths) }
