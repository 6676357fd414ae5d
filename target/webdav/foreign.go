package webdav

import (
	"context"
	"io/fs"

	"github.com/qsnap/qsnap/target"
)

// Foreign implements target.ForeignFinder.
func (t *Target) Foreign(ctx context.Context) (string, error) {
	return target.FindForeign(ctx, uploads, func(dir string) (out []target.DirEntry, err error) {
		found, err := t.children(ctx, "list", dir+"/", dir, func(string) bool { return true })
		for _, e := range found {
			var kind fs.FileMode
			if e.dir {
				kind = fs.ModeDir
			}
			out = append(out, target.DirEntry{Name: e.name, Type: kind})
		}
		return out, err
	})
}
