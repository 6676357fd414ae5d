package source

import (
	"path"
	"path/filepath"

	"github.com/qsnap/qsnap/internal/disk"
)

// A Selection is the names of a directory that lead to named paths, and the directory's
// own path if it is named.
type Selection struct {
	Named string // the directory's path, if it is named
	Below map[string]*Selection
}

func newSelection() *Selection { return &Selection{Below: map[string]*Selection{}} }

func (s *Selection) add(elements []string, path string) {
	if len(elements) == 0 {
		s.Named = path
		return
	}
	sub := s.Below[elements[0]]
	if sub == nil {
		sub = newSelection()
		s.Below[elements[0]] = sub
	}
	sub.add(elements[1:], path)
}

// In returns the selection of a subdirectory, or nil.
func (s *Selection) In(name string) *Selection {
	if s == nil {
		return nil
	}
	return s.Below[name]
}

// Paths returns the named paths.
func (s *Selection) Paths() (out []string) {
	if s.Named != "" {
		out = append(out, s.Named)
	}
	for _, sub := range s.Below {
		out = append(out, sub.Paths()...)
	}
	return out
}

// MountsIn returns the types of the file systems mounted in the source, by path relative
// to its root.
func (s *Source) MountsIn(mounts disk.Mounts) map[string]string {
	in := map[string]string{}
	if s.Selected != nil {
		s.Selected.mountsIn("", mounts, in)
	}
	return in
}

func (s *Selection) mountsIn(rel string, mounts disk.Mounts, in map[string]string) {
	if s.Named != "" {
		real, err := filepath.EvalSymlinks(s.Named)
		if err != nil {
			real = s.Named
		}
		for dir, kind := range mounts {
			if below(dir, real) {
				in[path.Join(append([]string{rel}, elements(dir, real)...)...)] = kind
			}
		}
	}
	for name, sub := range s.Below {
		sub.mountsIn(path.Join(rel, name), mounts, in)
	}
}
