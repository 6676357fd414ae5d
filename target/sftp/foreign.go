package sftp

import (
	"context"
	"path"

	"github.com/qsnap/qsnap/target"
)

// Foreign implements target.ForeignFinder.
func (t *Target) Foreign(ctx context.Context) (found string, err error) {
	err = t.do(ctx, "list", "", func(c *conn) error {
		found, err = target.FindForeign(ctx, tmpDir, func(dir string) (out []target.DirEntry, err error) {
			infos, err := c.sftp.ReadDirContext(ctx, path.Join(t.root, dir))
			for _, info := range infos {
				out = append(out, target.DirEntry{Name: info.Name(), Type: info.Mode().Type()})
			}
			return out, refined(err)
		})
		return err
	})
	return found, err
}
