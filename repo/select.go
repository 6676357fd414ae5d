package repo

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/snapshot"
)

// A Select picks snapshots. Its zero value picks all source versions.
type Select struct {
	Hostname string
	Paths    []string  // each has to be a path of the snapshot, or below one
	Tags     []string  // it has to have them all
	Before   time.Time // it has to have ended at that time or earlier
	Last     int       // only so many of the newest
	// Kinds are those that are picked. Without any, source versions are.
	Kinds   []snapshot.Kind
	AnyKind bool // pick every kind
}

// matches reports whether a snapshot is picked, but for Before and Last.
func (s *Select) matches(m *snapshot.Manifest) bool {
	if s.Hostname != "" && m.Hostname != s.Hostname || !s.takes(m.Kind) {
		return false
	}
	for _, tag := range s.Tags {
		if !slices.Contains(m.Tags, tag) {
			return false
		}
	}
	for _, p := range s.Paths {
		if !slices.ContainsFunc(m.Paths, func(have string) bool { return have == p || strings.HasPrefix(p, strings.TrimSuffix(have, "/")+"/") }) {
			return false
		}
	}
	return true
}

func (s *Select) takes(k snapshot.Kind) bool {
	if s.AnyKind || len(s.Kinds) == 0 && k == snapshot.KindSource {
		return true
	}
	return slices.Contains(s.Kinds, k)
}

// pick returns those that are picked of all snapshots in their order. What stands for a
// time that can't be trusted counts for Before.
func (s *Select) pick(all []snapshot.Placed) (out []snapshot.Placed) {
	for _, p := range all {
		if s.matches(p.Manifest) && (s.Before.IsZero() || !p.Time.After(s.Before)) {
			out = append(out, p)
		}
	}
	if s.Last > 0 && len(out) > s.Last {
		out = out[len(out)-s.Last:]
	}
	return out
}

// newest returns the newest that is picked, or nil.
func (s *Select) newest(all []snapshot.Placed) *snapshot.Manifest {
	now := *s
	now.Before = time.Time{}
	picked := now.pick(all)
	if !s.Before.IsZero() {
		return snapshot.At(picked, s.Before)
	}
	if len(picked) == 0 {
		return nil
	}
	return picked[len(picked)-1].Manifest
}

// text says what is picked.
func (s *Select) text() string {
	var out string
	if s.Hostname != "" {
		out += " of host " + s.Hostname
	}
	for _, p := range s.Paths {
		out += " with path " + p
	}
	for _, tag := range s.Tags {
		out += " with tag " + tag
	}
	if !slices.Contains(s.Kinds, snapshot.KindSource) {
		for _, k := range s.Kinds {
			out += " of kind " + k.String()
		}
	}
	if !s.Before.IsZero() {
		out += " at or before " + s.Before.Local().Format(time.DateTime)
	}
	return out
}

// SourceVersions are what a repository has of a source.
type SourceVersions struct {
	snapshot.Source
	Versions int // that are picked
	Newest   *snapshot.Manifest
}

func sourcesOf(ctx context.Context, e *engine.Engine, s Select) ([]SourceVersions, error) {
	all, damaged, err := e.Catalog.All(ctx)
	if err != nil {
		return nil, err
	}
	return versionsOf(s.pick(all)), damaged
}

func versionsOf(picked []snapshot.Placed) (out []SourceVersions) {
	at := map[string]int{}
	for _, p := range picked {
		source := p.Source()
		i, ok := at[source.String()]
		if !ok {
			i = len(out)
			at[source.String()] = i
			out = append(out, SourceVersions{Source: source})
		}
		out[i].Versions++
		out[i].Newest = p.Manifest
	}
	slices.SortFunc(out, func(a, b SourceVersions) int {
		return cmp.Or(cmp.Compare(a.Hostname, b.Hostname), slices.Compare(a.Paths, b.Paths))
	})
	return out
}
