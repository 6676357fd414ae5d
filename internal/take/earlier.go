package take

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/snapshot"
)

// An earlierVersion is a snapshot that holds what is named now, at a path in its tree.
type earlierVersion struct {
	m    *snapshot.Manifest
	path string
}

// An earlier is what snapshots of the same host and kind say to a new one.
type earlier struct {
	newest *snapshot.Manifest        // of the same paths, or nil
	full   *snapshot.Manifest        // the last full one of the same paths, or nil
	named  map[string]earlierVersion // of each named path, in snapshots of any paths
}

// findEarlier returns what the snapshots of the same host and kind say.
func findEarlier(ctx context.Context, e *engine.Engine, like *snapshot.Manifest) (found earlier, err error) {
	all, _, err := e.Catalog.Stored(ctx)
	if err != nil {
		return found, err
	}
	all = slices.DeleteFunc(all, func(m *snapshot.Manifest) bool { return m.Hostname != like.Hostname || m.Kind != like.Kind })
	found.named = earlierVersions(like, all, e.Now())
	all = slices.DeleteFunc(all, func(m *snapshot.Manifest) bool { return !slices.Equal(m.Paths, like.Paths) })
	found.newest, found.full = snapshot.Newest(all, e.Now()), snapshot.LastFull(all, e.Now())
	return found, nil
}

// earlierVersions returns the newest version of each path that a new snapshot names, by its
// place in the new tree. A snapshot that named the same path comes before one that only
// contains it. A snapshot that lacks something of the path doesn't count: if it did, a
// source that is away would be noticed only the first time.
func earlierVersions(like *snapshot.Manifest, all []*snapshot.Manifest, now time.Time) map[string]earlierVersion {
	ordered := snapshot.Order(all, now)
	found := map[string]earlierVersion{}
	for i, at := range placesOfNamed(like) {
		named := like.Paths[i]
		for _, exact := range []bool{true, false} {
			for _, p := range slices.Backward(ordered) {
				if _, ok := found[at]; ok {
					break
				}
				if exact != slices.Contains(p.Paths, named) || lacks(p.Manifest, named) {
					continue
				}
				if in, ok := place.PathIn(p.Manifest, named); ok {
					found[at] = earlierVersion{p.Manifest, in}
				}
			}
		}
	}
	return found
}

// placesOfNamed returns where in the tree of a snapshot each of its paths lies.
func placesOfNamed(m *snapshot.Manifest) []string {
	if m.Layout == snapshot.Tree {
		return make([]string, len(m.Paths))
	}
	return place.Named(m.Layout, m.Paths)
}

// lacks reports whether a named path, or something in it, was missing when a snapshot was
// taken.
func lacks(m *snapshot.Manifest, named string) bool {
	named = filepath.ToSlash(named)
	return slices.ContainsFunc(m.Missing, func(x snapshot.Missing) bool {
		missing := filepath.ToSlash(x.Path)
		return place.Within(missing, named) || place.Within(named, missing)
	})
}

// readHistory returns what the earlier versions say about the named paths. Notes that can't
// be read say nothing.
func readHistory(ctx context.Context, e *engine.Engine, earlier map[string]earlierVersion) (capture.History, error) {
	h := capture.History{Named: map[string]capture.Earlier{}, Mounts: map[string]bool{}}
	mounts := map[snapshot.ID][]string{}
	for at, from := range earlier {
		h.Named[at] = capture.Earlier{Root: &from.m.Root, Path: from.path}
		if _, ok := mounts[from.m.ID]; !ok {
			mounts[from.m.ID] = mountsIn(ctx, e, from.m)
		}
		for _, p := range mounts[from.m.ID] {
			if from.path == "" || place.Within(p, from.path) {
				h.Mounts[path.Join(at, strings.TrimPrefix(p[len(from.path):], "/"))] = true
			}
		}
	}
	return h, ctx.Err()
}

// mountsIn returns the mount points whose files a snapshot holds.
func mountsIn(ctx context.Context, e *engine.Engine, m *snapshot.Manifest) (out []string) {
	for n, err := range snapshot.ReadNotes(ctx, e.Blobs, m.Notes) {
		if err != nil {
			return out
		}
		if n.Kind == snapshot.NoteMount {
			out = append(out, n.Path)
		}
	}
	return out
}

// fstab returns the mounts that this machine is configured to have.
func fstab() disk.Mounts {
	text, err := os.ReadFile("/etc/fstab")
	if err != nil {
		return nil
	}
	return disk.ParseFstab(text)
}
