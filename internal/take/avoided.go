package take

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrAvoided means that a named source is in a directory that must not be entered.
var ErrAvoided = errors.New("it is in a directory that no snapshot may hold, such as the repository's own: name another source")

// avoided returns an error if a path is one of the directories that must not be entered, or
// is in one of them, under whatever name.
func avoided(paths, dirs []string) error {
	for _, dir := range dirs {
		avoid, err := os.Stat(dir)
		if err != nil { // there is nothing to avoid
			continue
		}
		for _, p := range paths {
			for at := real(p); ; at = filepath.Dir(at) {
				if info, err := os.Stat(at); err == nil && os.SameFile(info, avoid) {
					return fmt.Errorf("%s: %w", p, ErrAvoided)
				}
				if filepath.Dir(at) == at {
					break
				}
			}
		}
	}
	return nil
}

// real returns a path without symbolic links, or the path itself if it can't be followed.
func real(path string) string {
	if followed, err := filepath.EvalSymlinks(path); err == nil {
		return followed
	}
	return path
}
