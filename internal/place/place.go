package place

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/snapshot"
)

// OfSource returns where the tree of a new snapshot of these paths lies. If the paths are
// those of this machine, its symbolic links are followed.
func OfSource(layout snapshot.Layout, paths []string, onDisk bool) *ignore.Place {
	var follow func(string) string
	if onDisk {
		follow = newLinks(paths).follow
	}
	p := of(layout, paths, follow)
	p.Named = Named(layout, paths)
	return p
}

// OfSnapshot returns where the tree of a snapshot lies, or that of a part of it, which is a
// path in the snapshot. Patterns of its readers may be whole paths of the source, and paths
// with links that this machine has.
func OfSnapshot(m *snapshot.Manifest, part string) *ignore.Place {
	p := of(m.Layout, m.Paths, newLinks(m.Paths).follow)
	p.Ways, p.Whole = true, "/*"
	part = strings.Trim(path.Clean("/"+part), "/")
	if part == "" {
		return p
	}
	p.Roots = slices.DeleteFunc(p.Roots, func(r ignore.Root) bool {
		return r.At != "" && !Within(r.At, part) && !Within(part, r.At)
	})
	for i := range p.Roots {
		narrow(&p.Roots[i], part)
	}
	if len(p.Roots) == 0 { // the part is a directory that none of the paths leads to
		p.Roots = []ignore.Root{{}}
	}
	return p
}

// narrow makes a root relative to a part of the tree that contains it, or that it contains.
func narrow(r *ignore.Root, part string) {
	if r.At != part && Within(r.At, part) {
		r.At = r.At[len(part)+1:]
		return
	}
	below := strings.TrimPrefix(part[len(r.At):], "/")
	for i := range r.Paths {
		r.Paths[i] = path.Join(r.Paths[i], below)
	}
	r.At = ""
}

// of returns where the tree of a snapshot of these paths lies. follow follows symbolic
// links; nil follows none.
func of(layout snapshot.Layout, paths []string, follow func(string) string) *ignore.Place {
	p := &ignore.Place{Links: follow}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		p.Home = filepath.ToSlash(home)
	}
	for _, name := range paths {
		root := ignore.Root{}
		name = filepath.ToSlash(name)
		switch layout {
		case snapshot.Single:
			name = path.Dir(name)
		case snapshot.Paths:
			root.At = strings.Trim(name, "/")
		}
		root.Paths = []string{name}
		if follow != nil {
			if real := follow(name); real != name {
				root.Paths = append(root.Paths, real)
			}
		}
		p.Roots = append(p.Roots, root)
	}
	return p
}

// Named returns the paths in the tree of what was named, unless that is the whole tree.
func Named(layout snapshot.Layout, paths []string) (out []string) {
	for _, name := range paths {
		name = strings.Trim(filepath.ToSlash(name), "/")
		switch layout {
		case snapshot.Single:
			out = append(out, path.Base(name))
		case snapshot.Paths:
			out = append(out, name)
		}
	}
	return out
}

// PathIn returns the path in a snapshot of what has an absolute path in its source.
func PathIn(m *snapshot.Manifest, absolute string) (path string, ok bool) {
	absolute = filepath.ToSlash(filepath.Clean(absolute))
	for _, r := range of(m.Layout, m.Paths, nil).Roots {
		top := strings.TrimSuffix(r.Paths[0], "/")
		if Within(absolute, top) {
			return strings.Trim(r.At+absolute[len(top):], "/"), true
		}
	}
	return "", false
}

// Within reports whether a path with slashes is that of a directory, or of something in it.
func Within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
