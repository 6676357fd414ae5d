package sftp

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/qsnap/qsnap/target"
)

// Beside is part of target.Inspector.
func (t *Target) Beside(ctx context.Context) (found string, err error) {
	err = t.do(ctx, "list", "", func(c *conn) error {
		left := target.MaxInspected
		found, err = t.beside(ctx, c, "", &left)
		return err
	})
	return found, err
}

func (t *Target) beside(ctx context.Context, c *conn, dir string, left *int) (string, error) {
	if *left--; *left < 0 {
		return dir, nil
	}
	infos, err := c.sftp.ReadDirContext(ctx, path.Join(t.root, dir))
	switch err = refined(err); {
	case dir != "" && errors.Is(err, fs.ErrPermission):
		return dir, nil
	case errors.Is(err, fs.ErrNotExist): // removed meanwhile
		return "", nil
	case err != nil:
		return "", err
	}
	for _, info := range infos {
		child := path.Join(dir, info.Name())
		switch {
		case target.IsIncidental(info.Name()), child == tmpDir, info.Mode().IsRegular() && target.ValidName(child) == nil:
			continue
		case !info.IsDir():
			return child, nil
		}
		if found, err := t.beside(ctx, c, child, left); found != "" || err != nil {
			return found, err
		}
	}
	return "", nil
}
