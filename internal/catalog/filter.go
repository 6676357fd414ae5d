package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// A Filter selects snapshots. Its zero value selects all source versions.
type Filter struct {
	Hostname string
	Paths    []string  // each is a path of the snapshot, or below one
	Tags     []string  // the snapshot has them all
	Until    time.Time // the snapshot ended at that time or earlier; zero is no bound
	Last     int       // only the newest ones, up to this number; 0 is no bound
	// Kinds are the kinds that are selected. None means source versions.
	Kinds   []snapshot.Kind
	AnyKind bool // every kind is selected
	// Profile selects the snapshots of a profile, and those without a profile that are of
	// exactly the ProfilePaths, in any order; a path below another of them says nothing.
	Profile      string
	ProfilePaths []string
	// Installation selects the snapshots that it took. Zero is no bound.
	Installation snapshot.Installation
}

// matches reports whether a snapshot is selected, apart from Until and Last.
func (f *Filter) matches(m *snapshot.Manifest) bool {
	if f.Hostname != "" && m.Hostname != f.Hostname || !f.hasKind(m.Kind) || !f.hasJob(m) {
		return false
	}
	for _, tag := range f.Tags {
		if !slices.Contains(m.Tags, tag) {
			return false
		}
	}
	for _, p := range f.Paths {
		if !slices.ContainsFunc(m.Paths, func(have string) bool { return isIn(p, have) }) {
			return false
		}
	}
	return true
}

func (f *Filter) hasKind(k snapshot.Kind) bool {
	if f.AnyKind || len(f.Kinds) == 0 && k == snapshot.KindSource {
		return true
	}
	return slices.Contains(f.Kinds, k)
}

// hasJob reports whether the job that took a snapshot is selected.
func (f *Filter) hasJob(m *snapshot.Manifest) bool {
	if !f.Installation.IsZero() && m.Job.Installation != f.Installation {
		return false
	}
	return f.Profile == "" || m.Job.Profile == f.Profile ||
		m.Job.Profile == "" && len(f.ProfilePaths) > 0 && slices.Equal(outermost(m.Paths), outermost(f.ProfilePaths))
}

// outermost returns paths in their order, without those below another, as manifests name them.
func outermost(paths []string) (out []string) {
	for _, p := range slices.Sorted(slices.Values(paths)) {
		if !slices.ContainsFunc(out, func(dir string) bool { return isIn(p, dir) }) {
			out = append(out, p)
		}
	}
	return out
}

// isIn reports whether a path is a directory, or below it.
func isIn(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// Select returns the snapshots of all that the filter selects, in their order. It compares
// Until with the time of snapshot.Placed, which differs from a snapshot's End if that isn't
// trusted.
func (f *Filter) Select(all []snapshot.Placed) (out []snapshot.Placed) {
	for _, p := range all {
		if f.matches(p.Manifest) && (f.Until.IsZero() || !p.Time.After(f.Until)) {
			out = append(out, p)
		}
	}
	if f.Last > 0 && len(out) > f.Last {
		out = out[len(out)-f.Last:]
	}
	return out
}

// newest returns the newest snapshot of all that the filter selects, or nil. With Until, it
// returns the one that snapshot.At returns.
func (f *Filter) newest(all []snapshot.Placed) *snapshot.Manifest {
	unbounded := *f
	unbounded.Until = time.Time{}
	selected := unbounded.Select(all)
	if !f.Until.IsZero() {
		return snapshot.At(selected, f.Until)
	}
	if len(selected) == 0 {
		return nil
	}
	return selected[len(selected)-1].Manifest
}

// text describes the filter. An error appends it to "no such snapshot".
func (f *Filter) text() string {
	var out string
	if f.Hostname != "" {
		out += " of host " + f.Hostname
	}
	if f.Profile != "" {
		out += " of profile " + f.Profile
	}
	if !f.Installation.IsZero() {
		out += " of installation " + f.Installation.String()
	}
	for _, p := range f.Paths {
		out += " with path " + p
	}
	for _, tag := range f.Tags {
		out += " with tag " + tag
	}
	if !slices.Contains(f.Kinds, snapshot.KindSource) {
		for _, k := range f.Kinds {
			out += " of kind " + k.String()
		}
	}
	if !f.Until.IsZero() {
		out += " at or before " + f.Until.Local().Format(time.DateTime)
	}
	return out
}

// Snapshots returns the snapshots that a filter selects, the oldest first. It leaves out
// manifests that can't be read, and the error names them.
func (c *Catalog) Snapshots(ctx context.Context, f Filter) ([]*snapshot.Manifest, error) {
	all, damaged, err := c.All(ctx)
	if err != nil {
		return nil, err
	}
	return ManifestsOf(f.Select(all)), damaged
}

// Every returns the snapshots of all kinds, as Snapshots does.
func (c *Catalog) Every(ctx context.Context) ([]*snapshot.Manifest, error) {
	return c.Snapshots(ctx, Filter{AnyKind: true})
}

// Latest returns the newest snapshot that a filter selects, or ErrNoSnapshot. It ignores
// damaged manifests. If a manifest is sealed with a newer key, Latest fails.
func (c *Catalog) Latest(ctx context.Context, f Filter) (*snapshot.Manifest, error) {
	all, damaged, err := c.All(ctx)
	if err != nil {
		return nil, err
	}
	if errors.Is(damaged, seal.ErrNoKey) {
		return nil, damaged // a manifest under a newer key may be the latest
	}
	if m := f.newest(all); m != nil {
		return m, nil
	}
	return nil, errors.Join(fmt.Errorf("%w%s", ErrNoSnapshot, f.text()), damaged)
}
