package webdav

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/qsnap/qsnap/target"
)

// Beside is part of target.Inspector.
func (t *Target) Beside(ctx context.Context) (string, error) {
	left := target.MaxInspected
	return t.beside(ctx, "", &left)
}

func (t *Target) beside(ctx context.Context, dir string, left *int) (string, error) {
	if *left--; *left < 0 {
		return dir, nil
	}
	found, err := t.children(ctx, "list", dir+"/", dir, func(string) bool { return true })
	if dir != "" && errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, e := range found {
		child := strings.TrimPrefix(dir+"/"+e.name, "/")
		switch {
		case target.IsIncidental(e.name), child == uploads, !e.dir && target.ValidName(child) == nil:
			continue
		case !e.dir:
			return child, nil
		}
		if found, err := t.beside(ctx, child, left); found != "" || err != nil {
			return found, err
		}
	}
	return "", nil
}
