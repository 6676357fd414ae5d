package place

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// links follows symbolic links without touching mounts that may hang: those of other
// machines and of other programs, unless one of some paths lies on them.
type links struct {
	remote []string          // mount points that are not touched
	known  map[string]string // real paths, by paths whose directories have no links
	left   int               // how many links may still be followed in this path
}

// maxLinks bounds how many links are followed in one path, as Linux does.
const maxLinks = 40

// newLinks returns links that are followed on all mounts on the way to the paths.
func newLinks(paths []string) *links {
	l := &links{known: map[string]string{}}
	for _, point := range remoteMounts() {
		wanted := false
		for _, p := range paths {
			wanted = wanted || isBelow(p, point)
		}
		if !wanted {
			l.remote = append(l.remote, point)
		}
	}
	return l
}

// isBelow reports whether a path of this system is that of a directory, or of something in
// it.
func isBelow(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// follow returns an absolute path, with slashes, without the symbolic links on it, as
// far as it exists.
func (l *links) follow(path string) string {
	native := filepath.FromSlash(path)
	if !filepath.IsAbs(native) {
		return path
	}
	l.left = maxLinks
	volume := filepath.VolumeName(native)
	real, _ := l.walk(volume+string(filepath.Separator), native[len(volume):])
	return filepath.ToSlash(real)
}

// walk follows names from a directory that has no links on its path. It reports whether
// all of them could be examined.
func (l *links) walk(dir, names string) (real string, ok bool) {
	ok = true
	for name := range strings.SplitSeq(filepath.ToSlash(names), "/") {
		switch {
		case name == "" || name == ".":
		case name == "..":
			dir = filepath.Dir(dir)
		case !ok:
			dir = filepath.Join(dir, name)
		default:
			dir, ok = l.step(dir, name)
		}
	}
	return dir, ok
}

// step follows one name.
func (l *links) step(dir, name string) (real string, ok bool) {
	p := filepath.Join(dir, name)
	if real, ok := l.known[p]; ok {
		return real, true
	}
	for _, point := range l.remote {
		if p == point {
			return p, false
		}
	}
	info, err := os.Lstat(p)
	if err != nil {
		return p, false
	}
	real, ok = p, true
	if info.Mode().Type() == fs.ModeSymlink {
		to, err := os.Readlink(p)
		if l.left--; err != nil || l.left < 0 {
			return p, false
		}
		if filepath.IsAbs(to) {
			volume := filepath.VolumeName(to)
			real, ok = l.walk(volume+string(filepath.Separator), to[len(volume):])
		} else {
			real, ok = l.walk(dir, to)
		}
	}
	if ok {
		l.known[p] = real
	}
	return real, ok
}
