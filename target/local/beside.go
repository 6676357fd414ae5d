package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

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
	entries, err := os.ReadDir(filepath.Join(t.dir, filepath.FromSlash(dir)))
	if dir != "" && errors.Is(err, fs.ErrPermission) {
		return dir, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		child := e.Name()
		if dir != "" {
			child = dir + "/" + child
		}
		switch {
		case target.IsIncidental(e.Name()), child == tmpDir, e.Type().IsRegular() && target.ValidName(child) == nil:
			continue
		case !e.IsDir():
			return child, nil
		}
		if found, err := t.beside(ctx, child, left); found != "" || err != nil {
			return found, err
		}
	}
	return "", nil
}
