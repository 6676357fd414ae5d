package source

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/snapshot"
)

// Paths returns a source that consists of the files and directories at those paths. A
// single directory is the root itself. A single file is the only name in the root.
// Several paths are in the root with their full paths. A path that is, or leads through,
// a symbolic link to a directory stands for that directory.
//
// Paths that can't be accessed are in Missing. If all of them are, Paths returns an
// error.
func Paths(paths ...string) (*Source, error) {
	if len(paths) == 0 {
		return nil, errors.New("nothing to snapshot: name at least one path")
	}
	abs, err := absolute(paths)
	if err != nil {
		return nil, err
	}
	src := &Source{Paths: outermost(abs)}
	var there []string
	var first error
	for _, p := range abs {
		if filepath.VolumeName(p) != filepath.VolumeName(abs[0]) {
			err = &fs.PathError{Op: "open", Path: p, Err: errors.New("the path is on another volume: take a separate snapshot of it")}
		} else {
			_, err = os.Lstat(p)
		}
		if err == nil {
			there = append(there, p)
			continue
		}
		src.Missing = append(src.Missing, snapshot.Missing{Path: p, Text: Reason(err)})
		if first == nil {
			first = err
		}
	}
	if len(there) == 0 {
		return nil, first
	}
	if moved := unlinked(there); !slices.Equal(moved, there) {
		there = moved
		src.Paths = outermost(append(moved, missingPaths(src.Missing)...))
	}
	src.layOut(there)
	return src, nil
}

func absolute(paths []string) (abs []string, err error) {
	for _, p := range paths {
		a, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		abs = append(abs, a)
	}
	slices.Sort(abs)
	return slices.Compact(abs), nil
}

func missingPaths(missing []snapshot.Missing) (out []string) {
	for _, m := range missing {
		out = append(out, m.Path)
	}
	return out
}

// layOut decides which names of which directories belong to the source. there is the
// named paths that exist.
func (s *Source) layOut(there []string) {
	s.Selected = newSelection()
	at := volumeRoot(s.Paths[0])
	switch info, err := os.Stat(s.Paths[0]); {
	case len(s.Paths) > 1:
		s.Layout = snapshot.Paths
	case err == nil && info.IsDir():
		s.Layout, at = snapshot.Tree, s.Paths[0]
	default:
		s.Layout, at = snapshot.Single, filepath.Dir(s.Paths[0])
	}
	for _, p := range there {
		s.Selected.add(elements(p, at), p)
	}
	if s.Selected.Named != "" {
		s.Open = func() (Dir, error) { return OpenDisk(at) }
	} else {
		s.Open = func() (Dir, error) { return openWay(at, s.Selected) }
	}
}

// elements returns the elements of a path below a directory.
func elements(p, dir string) []string {
	rest := strings.Trim(filepath.ToSlash(strings.TrimPrefix(p, strings.TrimSuffix(dir, string(filepath.Separator)))), "/")
	if rest == "" {
		return nil
	}
	return strings.Split(rest, "/")
}

// unlinked returns the paths, resolving each path that leads through a symbolic link
// below another path: there the link itself is captured, so the path is replaced by its
// destination.
func unlinked(paths []string) []string {
	out := slices.Clone(paths)
	for range paths { // each path is replaced at most once
		slices.Sort(out)
		out = slices.Compact(out)
		i := slices.IndexFunc(out, func(p string) bool { return leadsOut(p, out) })
		if i < 0 {
			break
		}
		real, err := filepath.EvalSymlinks(out[i])
		if err != nil {
			break
		}
		out[i] = real
	}
	return out
}

// Recorded returns the paths that a manifest records of a source at absolute paths that can
// all be accessed.
func Recorded(paths []string) []string {
	return outermost(unlinked(slices.Compact(slices.Sorted(slices.Values(paths)))))
}

// leadsOut reports whether a path leads through a link below another one of the paths.
func leadsOut(p string, paths []string) bool {
	for _, dir := range paths {
		if dir == p || !below(p, dir) {
			continue
		}
		names := elements(p, dir)
		at := dir
		for i, name := range names {
			at = filepath.Join(at, name)
			info, err := os.Lstat(at)
			if err != nil || info.Mode().Type() != fs.ModeSymlink {
				continue
			}
			if to, err := os.Stat(at); i < len(names)-1 || err == nil && to.IsDir() {
				return true
			}
		}
	}
	return false
}

// below reports whether a path is dir or below it.
func below(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// outermost removes, from sorted paths, those below another path.
func outermost(paths []string) []string {
	slices.Sort(paths)
	var out []string
	for _, p := range paths {
		if !slices.ContainsFunc(out, func(dir string) bool { return below(p, dir) }) {
			out = append(out, p)
		}
	}
	return out
}

func volumeRoot(abs string) string {
	return filepath.VolumeName(abs) + string(filepath.Separator)
}
