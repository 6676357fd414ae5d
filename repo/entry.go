package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/qsnap/qsnap/snapshot"
)

// Entry returns what a path of a snapshot names. The path is relative to the
// snapshot's root; slashes around it are passed over, and the empty one is the
// root. It doesn't follow symbolic links. An absent one is fs.ErrNotExist.
func (r *Repo) Entry(ctx context.Context, m *snapshot.Manifest, path string) (*snapshot.Entry, error) {
	e := &m.Root
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" || name == "." {
			continue
		}
		if e.Type != snapshot.Dir || e.Problem != "" {
			return nil, notThere(m, path, fs.ErrNotExist)
		}
		found, err := snapshot.Lookup(ctx, trees{r}, e.Subtree, name)
		if err != nil {
			return nil, notThere(m, path, err)
		}
		e = found
	}
	return e, nil
}

func notThere(m *snapshot.Manifest, path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("snapshot %s has no %q: %w", m.ID.Short(), path, fs.ErrNotExist)
	}
	return fmt.Errorf("snapshot %s: %s: %w", m.ID.Short(), path, err)
}
