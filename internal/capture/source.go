package capture

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A Source is what can be captured.
type Source struct {
	Paths  []string
	Layout snapshot.Layout
	open   func() (directory, error)
}

// A directory of a source. Its methods may be called by several goroutines.
type directory interface {
	Names() ([]string, error)                                     // sorted as bytes
	Lstat(name string, e *snapshot.Entry) (disk.Meta, error)      // what is cheap to know
	Describe(e *snapshot.Entry) error                             // the rest, but of files and directories
	Self(e *snapshot.Entry) (disk.Meta, error)                    // of the directory itself
	StampsHere() bool                                             // see disk.Dir
	sub(name string) (directory, error)                           //
	open(name string, e *snapshot.Entry) (file, disk.Meta, error) //
	Close() error
}

// A file of a source.
type file interface {
	io.ReadCloser
	Stat(e *snapshot.Entry) (disk.Meta, error)
	Xattrs() ([]snapshot.Xattr, error)
	Holes(size int64) ([]snapshot.Hole, error)
	SeekTo(offset int64) error // may fail where there are no holes
}

// diskDir is a directory on disk.
type diskDir struct{ *disk.Dir }

func (d diskDir) sub(name string) (directory, error) {
	s, err := d.Dir.Sub(name)
	if err != nil {
		return nil, err
	}
	return diskDir{s}, nil
}

func (d diskDir) open(name string, e *snapshot.Entry) (file, disk.Meta, error) {
	f, meta, err := d.Dir.Open(name, e)
	if err != nil {
		return nil, meta, err
	}
	return f, meta, nil
}

func openDisk(path string) (directory, error) {
	d, err := disk.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return diskDir{d}, nil
}

// Paths returns the source that is the files and directories of those paths. One
// directory is the root itself, a symbolic link to one included; one of anything
// else is the only name in the root; several are in the root with their full paths.
func Paths(paths ...string) (*Source, error) {
	if len(paths) == 0 {
		return nil, errors.New("nothing to snapshot: name at least one path")
	}
	var abs []string
	for _, p := range paths {
		a, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		if _, err := os.Lstat(a); err != nil {
			return nil, err
		}
		abs = append(abs, a)
	}
	slices.Sort(abs)
	abs = outermost(slices.Compact(abs))
	if len(abs) > 1 {
		selected := newSelection()
		for _, a := range abs {
			selected.add(strings.Split(strings.Trim(filepath.ToSlash(a), "/"), "/"))
		}
		return &Source{abs, snapshot.Paths, func() (directory, error) { return selected.open(volumeRoot(abs[0])) }}, nil
	}
	info, err := os.Stat(abs[0])
	if err == nil && info.IsDir() {
		return &Source{abs, snapshot.Tree, func() (directory, error) { return openDisk(abs[0]) }}, nil
	}
	selected := newSelection()
	selected.add([]string{filepath.Base(abs[0])})
	return &Source{abs, snapshot.Single, func() (directory, error) { return selected.open(filepath.Dir(abs[0])) }}, nil
}

// full returns the path on the source of a path that is relative to the root.
func (s *Source) full(rel string) string {
	switch s.Layout {
	case snapshot.Tree:
		return filepath.Join(s.Paths[0], filepath.FromSlash(rel))
	case snapshot.Single:
		return filepath.Join(filepath.Dir(s.Paths[0]), filepath.FromSlash(rel))
	}
	return filepath.Join(volumeRoot(s.Paths[0]), filepath.FromSlash(rel))
}

// outermost drops, of sorted paths, those below another.
func outermost(paths []string) []string {
	var out []string
	for _, p := range paths {
		if n := len(out); n > 0 && strings.HasPrefix(p, strings.TrimSuffix(out[n-1], string(filepath.Separator))+string(filepath.Separator)) {
			continue
		}
		out = append(out, p)
	}
	return out
}

func volumeRoot(abs string) string {
	return filepath.VolumeName(abs) + string(filepath.Separator)
}

// A selection is some names of a directory, and some in these.
type selection struct{ names map[string]*selection } // nil: all there is

func newSelection() *selection { return &selection{map[string]*selection{}} }

func (s *selection) add(elements []string) {
	if len(elements) == 1 {
		s.names[elements[0]] = &selection{}
		return
	}
	below := s.names[elements[0]]
	if below == nil {
		below = newSelection()
		s.names[elements[0]] = below
	}
	below.add(elements[1:])
}

func (s *selection) open(path string) (directory, error) {
	d, err := openDisk(path)
	if err != nil {
		return nil, err
	}
	return selectedDir{d, s}, nil
}

// selectedDir is a directory of which only some names count.
type selectedDir struct {
	directory
	selected *selection
}

func (d selectedDir) Names() ([]string, error) {
	return slices.Sorted(maps.Keys(d.selected.names)), nil
}

func (d selectedDir) sub(name string) (directory, error) {
	sub, err := d.directory.sub(name)
	if err != nil || d.selected.names[name].names == nil {
		return sub, err
	}
	return selectedDir{sub, d.selected.names[name]}, nil
}

// Relative returns an exclude pattern that begins with the path of the source's
// root as one that is relative to it, and others as they are: people write both.
func (s *Source) Relative(pattern string) string {
	if s.Layout != snapshot.Tree {
		return pattern
	}
	negation := ""
	if rest, ok := strings.CutPrefix(pattern, "!"); ok {
		negation, pattern = "!", rest
	}
	if rest, ok := strings.CutPrefix(pattern, strings.TrimSuffix(filepath.ToSlash(s.Paths[0]), "/")+"/"); ok && rest != "" {
		return negation + "/" + rest
	}
	return negation + pattern
}
