package repo

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

// A holding is a snapshot that has what is named now at a path of its tree.
type holding struct {
	m    *snapshot.Manifest
	path string
}

// holdings returns, by the places in the new tree of what is named, the newest snapshots
// that hold that: those with these paths, or else with others that contain them. One to
// which something of it was missing doesn't count, or a source that is away would be
// forgotten after the first time.
func holdings(like *snapshot.Manifest, all []*snapshot.Manifest, now time.Time) map[string]holding {
	ordered := snapshot.Order(all, now)
	found := map[string]holding{}
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
					found[at] = holding{p.Manifest, in}
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

// lacks reports whether something of a named path, or all of it, was missing to a snapshot.
func lacks(m *snapshot.Manifest, named string) bool {
	named = filepath.ToSlash(named)
	return slices.ContainsFunc(m.Missing, func(x snapshot.Missing) bool {
		missing := filepath.ToSlash(x.Path)
		return place.Within(missing, named) || place.Within(named, missing)
	})
}

// history returns what these snapshots tell of what is named. What of it can't be read
// tells nothing.
func history(ctx context.Context, e *engine.Engine, held map[string]holding) (capture.History, error) {
	h := capture.History{Named: map[string]capture.Earlier{}, Mounts: map[string]bool{}}
	mounts := map[snapshot.ID][]string{}
	for at, from := range held {
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

// fstab returns where this machine means to mount something.
func fstab() disk.Mounts {
	text, err := os.ReadFile("/etc/fstab")
	if err != nil {
		return nil
	}
	return disk.ParseFstab(text)
}
